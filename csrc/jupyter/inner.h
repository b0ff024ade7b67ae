// What engine.c and stream.c share.
#ifndef OW_JUPYTER_INNER_H
#define OW_JUPYTER_INNER_H
#include <pthread.h>
#include <sys/types.h>

#include "io/text.h"
#include "jupyter/engine.h"

typedef struct { ow_jp_message *first, *last; } ow_jp_queue;

struct ow_jp {
  pthread_t thread;
  bool started, client;
  void *context, *socket[OW_JP_CHANNELS];
  char *key, *session;
  size_t key_len;
  int wake[2];                  // a byte here ends the thread's poll
  pid_t parent_pid;             // 0: whoever started us does not matter

  pthread_mutex_t in_lock;
  pthread_cond_t arrived;
  ow_jp_queue incoming[OW_JP_CHANNELS];
  bool orphan;
  int64_t rejected;

  pthread_mutex_t out_lock;     // guards all below
  ow_jp_queue outgoing;
  bool stop, running;
  int pipe[2], saved[2];        // read ends of, and what was there before on, descriptors 1 and 2
  ow_text text;                 // read, not yet queued
  int text_of;                  // 0: stdout, 1: stderr
  double text_since;
  ow_text header;               // of the request that output belongs to
  uint64_t serial;
};

void ow_jp_push(ow_jp_queue *q, ow_jp_message *m);
void ow_jp_sign(const ow_jp *j, const void *const part[4], const size_t size[4], char hex[65]);
void ow_jp_log(const ow_jp *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool ow_jp_pipe(int ends[2]);  // closed on exec; errno tells

// Call these with out_lock held. Pump: pipes -> text; flush: text -> outgoing. all: also a
// character that is not complete yet.
bool ow_jp_pump(ow_jp *j);  // true: there was something
void ow_jp_flush(ow_jp *j, bool all);
double ow_jp_flush_due(const ow_jp *j, double now);  // s until text should go out; < 0: there is none
// Writes out what stands in stdout's buffer without the end of a line, if that cannot block.
void ow_jp_unbuffer(ow_jp *j);
void ow_jp_stream_close(ow_jp *j);

#endif
