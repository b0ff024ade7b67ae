// What we ask of the operating system: clocks, memory, files written atomically, folders,
// and child processes (process.c). POSIX; nothing here forks without exec.
#ifndef OW_BASE_SYS_H
#define OW_BASE_SYS_H
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

// ---- machine -------------------------------------------------------------------------------
double ow_clock(void);             // s, monotonic
double ow_wall_time(void);         // s since 1970 UTC
double ow_cpu_time(void);          // s of processor time of this process, all threads
uint64_t ow_peak_memory(void);     // bytes of resident memory, the largest so far
uint64_t ow_resident_memory(void); // bytes now; 0 where the system does not tell
void ow_cpu_name(char *out, size_t n);
int ow_columns(void);              // width of the terminal (stderr, stdout, COLUMNS, 80)
bool ow_sleep(double seconds);     // false: interrupted by the user

// ---- files ---------------------------------------------------------------------------------
typedef struct {
  char *p;          // ow_alloc'ed, always 0-terminated when not NULL
  size_t n, cap;
} ow_buf;
bool ow_buf_add(ow_buf *b, const void *data, size_t n, ow_err *e);
bool ow_buf_reserve(ow_buf *b, size_t more, ow_err *e);
void ow_buf_free(ow_buf *b);

// Fails with "PATH: cannot VERB: REASON" from errno.
bool ow_fail_errno(ow_err *e, const char *path, const char *verb);

bool ow_read_file(const char *path, ow_buf *out, ow_err *e);
// Either the old file or the whole new one is there at any moment: temporary file in the
// same folder, fsync, rename, fsync of the folder. Permissions of an old file are kept, a
// symbolic link is followed.
bool ow_write_atomic(const char *path, const void *data, size_t n, ow_err *e);
bool ow_sha256_file(const char *path, char hex[65], ow_err *e);
bool ow_mkdirs(const char *path, ow_err *e);  // with parents; fine when it is there
// A new private folder (mode 0700) below TMPDIR or /tmp.
bool ow_mktempdir(const char *prefix, char out[PATH_MAX], ow_err *e);
const char *ow_temp_root(void);
bool ow_remove_tree(const char *path, ow_err *e);  // links are removed, not followed
bool ow_which(const char *program, char out[PATH_MAX]);

// ---- child processes -----------------------------------------------------------------------
typedef enum { OW_PIPE, OW_NULL, OW_INHERIT, OW_MERGE } ow_stream;  // MERGE: stderr into stdout

typedef struct {
  const char *const *argv;  // NULL-terminated; argv[0] is looked up in PATH
  const char *cwd;          // NULL: ours
  const char *const *env;   // "NAME=value" sets, "NAME" removes; NULL: ours as it is
  ow_stream in, out, err;
} ow_spawn;

typedef struct {
  long pid;                 // 0: never started or reaped
  int in, out, err;         // our ends of the pipes, -1: closed
  bool done;                // reaped; then status or signal tells how it ended
  int status, signal;
  double ended;             // ow_clock() when it was seen to have ended
  ow_buf outbuf, errbuf;    // read from it, not yet taken by the caller
} ow_process;

// p: any memory. The child leads a new process group. OW_EMISSING when there is no program.
bool ow_process_start(ow_process *p, const ow_spawn *s, ow_err *e);
// Waits up to `timeout` s (or until something happens): collects output, writes input from
// in[0..n) and adds what went out to *written. OW_EIO when the child closed its input,
// OW_EINTR when the user interrupts; the child is left alone in both cases.
bool ow_process_step(ow_process *p, const char *in, size_t n, size_t *written, double timeout, ow_err *e);
bool ow_process_ended(ow_process *p);            // reaps it when it has ended
void ow_process_signal(ow_process *p, int sig);  // to the whole group
// Feeds input, collects output, ends with the child. Past `timeout` (negative: none) or on
// an interrupt the group is killed; *timed_out tells the former, OW_EINTR the latter.
bool ow_process_run(ow_process *p, const char *in, size_t n, double timeout, bool *timed_out, ow_err *e);
void ow_process_close(ow_process *p);            // kills what still lives; idempotent

#endif
