// The sockets of a Jupyter kernel (messaging protocol 5.3,
// https://jupyter-client.readthedocs.io/en/stable/messaging.html) or of a client of one.
//
// One thread owns all sockets, because ZeroMQ sockets must not be shared: it answers the
// heartbeat, so that the kernel is alive while a cell computes; checks signatures; puts what
// arrives into queues; sends what the other threads have queued, in their order; and turns
// what is written to file descriptors 1 and 2, by whomever, into `stream` messages.
//
// Invariants: `outgoing` is the one order of everything sent. A message of the main thread on
// iopub is queued after all that the process had written before it, since queueing first empties
// the pipes into the same queue. The sockets' thread never blocks on a pipe or on Lua.
#ifndef OW_JUPYTER_ENGINE_H
#define OW_JUPYTER_ENGINE_H
#include <stdint.h>

#include "jupyter/zmq.h"

typedef enum { OW_JP_CONTROL, OW_JP_STDIN, OW_JP_SHELL, OW_JP_IOPUB, OW_JP_HEARTBEAT, OW_JP_CHANNELS } ow_jp_channel;
extern const char *const ow_jp_channel_names[OW_JP_CHANNELS];

typedef struct ow_jp_message {
  struct ow_jp_message *next;
  ow_jp_channel channel;
  int n, delimiter;  // frames; index of "<IDS|MSG>" in a received message
  zmq_msg_t frame[];
} ow_jp_message;

typedef struct {
  bool client;                           // connects and subscribes instead of binding and publishing
  const char *address[OW_JP_CHANNELS];   // "tcp://127.0.0.1:5555"; NULL: without that channel
  const char *key, *session;
  size_t key_len;
} ow_jp_options;

typedef struct ow_jp ow_jp;

// Binds (or connects) and starts the thread. NULL fills e.
ow_jp *ow_jp_open(const ow_jp_options *o, ow_err *e);
// Sends what is queued, gives file descriptors 1 and 2 back, ends the thread; NULL is fine.
void ow_jp_close(ow_jp *j);

ow_jp_message *ow_jp_message_new(ow_jp_channel channel, int frames, ow_err *e);
bool ow_jp_frame(ow_jp_message *m, const void *data, size_t n, ow_err *e);  // appends a copy
void ow_jp_message_free(ow_jp_message *m);

// Takes m in any case.
void ow_jp_send(ow_jp *j, ow_jp_message *m);

typedef enum { OW_JP_GOT, OW_JP_TIMEOUT, OW_JP_INTERRUPTED, OW_JP_ORPHAN } ow_jp_result;
// The oldest message of the first channel in `channels` (bits 1 << channel) that has one.
// seconds < 0: no limit. ORPHAN: the process that started this one is gone.
ow_jp_result ow_jp_receive(ow_jp *j, unsigned channels, double seconds, ow_jp_message **m);

// From now on file descriptors 1 and 2 go to iopub.
bool ow_jp_capture(ow_jp *j, ow_err *e);
// The header (JSON) of the request that output belongs to; what was written before goes out
// under the old one. running: interrupt and shutdown requests interrupt what runs.
bool ow_jp_parent(ow_jp *j, const char *header, size_t n, bool running, ow_err *e);

void ow_jp_log_line(const ow_jp *j, const char *line);  // to where standard error went before the capture

int64_t ow_jp_rejected(const ow_jp *j);  // messages without a valid signature so far

#endif
