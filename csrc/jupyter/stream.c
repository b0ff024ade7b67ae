// Output of the process as `stream` messages: descriptors 1 and 2 are pipes. Text is collected
// for DELAY, or until there is much of it, so that a million lines make some hundred messages;
// a UTF-8 sequence is not cut between two; bytes that are not UTF-8 become U+FFFD.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#ifdef __linux__
#include <stdio_ext.h>
#endif
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "io/json.h"
#include "jupyter/inner.h"

enum { CHUNK = 1 << 16, MUCH = 1 << 17, PIPE_SIZE = 1 << 20 };
static const double DELAY = 0.05;

// Length of the start of a UTF-8 sequence that ends the text and may still be completed.
static size_t unfinished(const char *s, size_t n) {
  for (size_t back = 1; back <= 3 && back <= n; back++) {
    unsigned char c = (unsigned char)s[n - back];
    if ((c & 0xC0) == 0x80) continue;
    size_t whole = c >= 0xF0 && c < 0xF5 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 1;
    return c < 0xF5 && whole > back ? back : 0;
  }
  return 0;
}

static bool put_message(ow_jp *j, const char *s, size_t n, ow_err *e) {
  struct timespec now;
  struct tm utc;
  char head[400], date[40];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  int head_len = snprintf(head, sizeof head,
      "{\"msg_id\":\"%.64s_out%llu\",\"msg_type\":\"stream\",\"username\":\"kernel\",\"session\":\"%.64s\","
      "\"date\":\"%s.%06ldZ\",\"version\":\"5.3\"}",
      j->session, (unsigned long long)++j->serial, j->session, date, now.tv_nsec / 1000);
  ow_text content = {0};
  const char *name = j->text_of ? "stderr" : "stdout";
  char topic[16];
  bool ok = ow_text_puts(&content, "{\"name\":\"", e) && ow_text_puts(&content, name, e) &&
            ow_text_puts(&content, "\",\"text\":", e) && ow_json_quote(&content, s, n, e) && ow_text_putc(&content, '}', e);
  ow_jp_message *m = ok ? ow_jp_message_new(OW_JP_IOPUB, 7, e) : NULL;
  if (m) {
    const void *part[4] = {head, j->header.len ? j->header.data : "{}", "{}", content.data};
    const size_t size[4] = {(size_t)head_len, j->header.len ? j->header.len : 2, 2, content.len};
    char signature[65];
    ow_jp_sign(j, part, size, signature);
    int t = snprintf(topic, sizeof topic, "stream.%s", name);
    ok = ow_jp_frame(m, topic, (size_t)t, e) && ow_jp_frame(m, "<IDS|MSG>", 9, e) &&
         ow_jp_frame(m, signature, strlen(signature), e);
    for (int i = 0; i < 4 && ok; i++) ok = ow_jp_frame(m, part[i], size[i], e);
    if (ok) ow_jp_push(&j->outgoing, m);
    else ow_jp_message_free(m);
  }
  ow_text_free(&content);
  return ok && m;
}

void ow_jp_flush(ow_jp *j, bool all) {
  size_t keep = all ? 0 : unfinished(j->text.data, j->text.len), n = j->text.len - keep;
  ow_err e;
  if (n && !put_message(j, j->text.data, n, &e)) ow_jp_log(j, "output was lost: %s", e.msg);
  if (n && keep) memmove(j->text.data, j->text.data + n, keep);
  j->text.len = keep;
  j->text_since = ow_clock();
}

double ow_jp_flush_due(const ow_jp *j, double now) {
  if (!j->text.len) return -1;
  double left = DELAY - (now - j->text_since);
  return left > 0 ? left : 0;
}

// What is in the pipe at this moment; a writer that never stops does not keep us here.
static bool pump_one(ow_jp *j, int k) {
  int there = 0;
  if (j->pipe[k] < 0 || ioctl(j->pipe[k], FIONREAD, &there) || there <= 0) return false;
  while (there > 0) {
    ow_err e;
    if (j->text.len && j->text_of != k) ow_jp_flush(j, true);
    if (!j->text.len) j->text_of = k, j->text_since = ow_clock();
    size_t want = there < CHUNK ? (size_t)there : CHUNK;
    char buf[4096];
    bool room = ow_text_reserve(&j->text, want, &e);  // without memory: read it and lose it
    ssize_t got = read(j->pipe[k], room ? j->text.data + j->text.len : buf, room ? want : sizeof buf);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) continue;
      return true;
    }
    if (room) j->text.len += (size_t)got;
    there -= (int)got;
    if (j->text.len >= MUCH) ow_jp_flush(j, false);
  }
  return true;
}

bool ow_jp_pump(ow_jp *j) {
  bool out = pump_one(j, 0), err = pump_one(j, 1);
  return out || err;
}

// The pipe was just emptied and holds more than stdio's buffer, so that the write does not wait.
void ow_jp_unbuffer(ow_jp *j) {
#ifdef __linux__
  int there = 0;
  if (j->pipe[0] < 0 || ftrylockfile(stdout)) return;
  if (!ioctl(j->pipe[0], FIONREAD, &there) && there == 0 && __fpending(stdout) > 0) fflush_unlocked(stdout);
  funlockfile(stdout);
#else
  (void)j;
#endif
}

bool ow_jp_pipe(int ends[2]) {
  if (pipe(ends)) return false;
  return !fcntl(ends[0], F_SETFD, FD_CLOEXEC) && !fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

bool ow_jp_capture(ow_jp *j, ow_err *e) {
  fflush(stdout);
  for (int k = 0; k < 2; k++) {
    int ends[2];
    if (!ow_jp_pipe(ends)) return ow_fail_errno(e, "pipe", "make");
#ifdef F_SETPIPE_SZ
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);  // where it is refused the usual 64 KiB do
#endif
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int old = fcntl(k + 1, F_DUPFD_CLOEXEC, 3);
    if (dup2(ends[1], k + 1) < 0) {
      ow_fail_errno(e, "pipe", "use");
      close(ends[0]), close(ends[1]);
      if (old >= 0) close(old);
      return false;
    }
    close(ends[1]);
    pthread_mutex_lock(&j->out_lock);
    j->pipe[k] = ends[0], j->saved[k] = old;
    pthread_mutex_unlock(&j->out_lock);
  }
  setvbuf(stdout, NULL, _IOLBF, 1 << 14);
  if (write(j->wake[1], "", 1) < 0) return ow_fail_errno(e, "pipe", "write to");
  return true;
}

void ow_jp_stream_close(ow_jp *j) {
  for (int k = 0; k < 2; k++) {
    if (j->pipe[k] >= 0) {
      int to = j->saved[k] >= 0 ? j->saved[k] : open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (to >= 0) dup2(to, k + 1), close(to);
      close(j->pipe[k]);
    }
    j->pipe[k] = j->saved[k] = -1;
  }
  ow_text_free(&j->text);
  ow_text_free(&j->header);
}
