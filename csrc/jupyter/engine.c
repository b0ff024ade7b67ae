#define _GNU_SOURCE
#include "jupyter/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "base/sys.h"
#include "base/threads.h"
#include "jupyter/inner.h"

const char *const ow_jp_channel_names[OW_JP_CHANNELS] = {"control", "stdin", "shell", "iopub", "hb"};

// At most this many messages wait for a reader of iopub that does not read (it then misses
// some); a request or a frame beyond these sizes is no honest one.
enum { UNREAD = 20000, MAX_FRAMES = 64, BURST = 64 };
static const int64_t MAX_FRAME_BYTES = INT64_C(1) << 29;
static const double PARENT_EVERY = 1.0, PARTIAL_EVERY = 0.1, PIPE_PAUSE = 0.01;

// ---- messages and queues -------------------------------------------------------------------

ow_jp_message *ow_jp_message_new(ow_jp_channel channel, int frames, ow_err *e) {
  ow_jp_message *m = ow_alloc(sizeof *m + (size_t)frames * sizeof m->frame[0], e);
  if (m) m->next = NULL, m->channel = channel, m->n = 0, m->delimiter = -1;
  return m;
}

bool ow_jp_frame(ow_jp_message *m, const void *data, size_t n, ow_err *e) {
  zmq_msg_t *f = &m->frame[m->n];
  if (ow_zmq.msg_init_size_(f, n)) return OW_FAIL(e, OW_EMEM, "no memory for a message of %zu bytes", n);
  if (n) memcpy(ow_zmq.msg_data_(f), data, n);
  m->n++;
  return true;
}

void ow_jp_message_free(ow_jp_message *m) {
  if (!m) return;
  for (int i = 0; i < m->n; i++) ow_zmq.msg_close_(&m->frame[i]);
  ow_free(m);
}

void ow_jp_push(ow_jp_queue *q, ow_jp_message *m) {
  m->next = NULL;
  if (q->last) q->last->next = m;
  else q->first = m;
  q->last = m;
}

static ow_jp_message *pop(ow_jp_queue *q) {
  ow_jp_message *m = q->first;
  if (m && !(q->first = m->next)) q->last = NULL;
  return m;
}

void ow_jp_log(const ow_jp *j, const char *fmt, ...) {
  char line[600];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(line, sizeof line - 1, fmt, ap);
  va_end(ap);
  if (n < 0) return;
  dprintf(j->saved[1] >= 0 ? j->saved[1] : 2, "orowan: %s\n", line);
}

static void wake(ow_jp *j) {
  while (write(j->wake[1], "", 1) < 0 && errno == EINTR) {}  // full: it will wake anyway
}

void ow_jp_sign(const ow_jp *j, const void *const part[4], const size_t size[4], char hex[65]) {
  hex[0] = 0;
  if (!j->key_len) return;
  ow_hmac h;
  ow_hmac_init(&h, j->key, j->key_len);
  for (int i = 0; i < 4; i++) ow_hmac_add(&h, part[i], size[i]);
  ow_hmac_end(&h, hex);
}

// ---- the thread that owns the sockets ------------------------------------------------------

// Finds the delimiter and checks the signature, in a time that does not tell where it differs.
static bool genuine(const ow_jp *j, ow_jp_message *m) {
  for (int i = 0; i < m->n && m->delimiter < 0; i++)
    if (ow_zmq.msg_size_(&m->frame[i]) == 9 && !memcmp(ow_zmq.msg_data_(&m->frame[i]), "<IDS|MSG>", 9)) m->delimiter = i;
  int d = m->delimiter;
  if (d < 0 || m->n < d + 6) return false;
  if (!j->key_len) return true;
  const void *part[4];
  size_t size[4];
  for (int i = 0; i < 4; i++) {
    part[i] = ow_zmq.msg_data_(&m->frame[d + 2 + i]);
    size[i] = ow_zmq.msg_size_(&m->frame[d + 2 + i]);
  }
  char hex[65];
  ow_jp_sign(j, part, size, hex);
  if (ow_zmq.msg_size_(&m->frame[d + 1]) != 64) return false;
  const char *came = ow_zmq.msg_data_(&m->frame[d + 1]);
  int differs = 0;
  for (int i = 0; i < 64; i++) differs |= came[i] ^ hex[i];
  return !differs;
}

// A request on control that must not wait for the cell to end.
static bool urgent(ow_jp_message *m) {
  zmq_msg_t *f = &m->frame[m->delimiter + 2];
  const char *s = ow_zmq.msg_data_(f);
  size_t n = ow_zmq.msg_size_(f);
  return m->channel == OW_JP_CONTROL &&
         (memmem(s, n, "\"interrupt_request\"", 19) || memmem(s, n, "\"shutdown_request\"", 18));
}

// One whole message; NULL: none there. One with too many frames is read to its end and comes
// back without any.
static ow_jp_message *receive_one(ow_jp *j, ow_jp_channel c) {
  ow_err e;
  ow_jp_message *m = ow_jp_message_new(c, MAX_FRAMES, &e);
  int total = 0;
  for (bool more = m != NULL; more; ) {
    zmq_msg_t over, *f = m->n < MAX_FRAMES ? &m->frame[m->n] : &over;
    ow_zmq.msg_init_(f);
    if (ow_zmq.msg_recv_(f, j->socket[c], ZMQ_DONTWAIT) < 0) {
      int why = ow_zmq.errno_();
      ow_zmq.msg_close_(f);
      if (why == EINTR) continue;
      break;
    }
    total++;
    more = ow_zmq.msg_more_(f);
    if (f == &over) ow_zmq.msg_close_(f);
    else m->n++;
  }
  if (!total || total <= MAX_FRAMES) {
    if (!total) ow_jp_message_free(m), m = NULL;
    return m;
  }
  ow_jp_log(j, "a message of %d frames was dropped; expected at most %d", total, MAX_FRAMES);
  ow_jp_message_free(m);
  return ow_jp_message_new(c, 0, &e);
}

static void send_one(ow_jp *j, ow_jp_message *m) {
  void *s = j->socket[m->channel];
  int sent = 0;
  for (; s && sent < m->n; sent++) {
    int r;
    do r = ow_zmq.msg_send_(&m->frame[sent], s, ZMQ_DONTWAIT | (sent + 1 < m->n ? ZMQ_SNDMORE : 0));
    while (r < 0 && ow_zmq.errno_() == EINTR);
    if (r < 0) break;
  }
  ow_jp_message_free(m);  // closing a sent frame is fine: it is an empty one then
}

static void take(ow_jp *j, ow_jp_message *m) {
  if (m->channel == OW_JP_HEARTBEAT) {
    if (m->n) send_one(j, m);
    else ow_jp_message_free(m);
    return;
  }
  if (!m->n || !genuine(j, m)) {
    if (m->n) ow_jp_log(j, "a message on %s was ignored: %s", ow_jp_channel_names[m->channel],
                        m->delimiter < 0 || m->n < m->delimiter + 6 ? "it is not of the Jupyter protocol" : "its signature is wrong");
    ow_jp_message_free(m);
    pthread_mutex_lock(&j->in_lock);
    j->rejected++;
    pthread_mutex_unlock(&j->in_lock);
    return;
  }
  bool now = urgent(m);
  if (now) {
    pthread_mutex_lock(&j->out_lock);
    now = j->running;
    pthread_mutex_unlock(&j->out_lock);
  }
  pthread_mutex_lock(&j->in_lock);
  ow_jp_push(&j->incoming[m->channel], m);
  pthread_cond_signal(&j->arrived);
  pthread_mutex_unlock(&j->in_lock);
  if (now) ow_interrupt_raise();
}

static void check_parent(ow_jp *j) {
  if (!j->parent_pid || j->orphan || getppid() == j->parent_pid) return;
  pthread_mutex_lock(&j->in_lock);
  j->orphan = true;
  pthread_cond_signal(&j->arrived);
  pthread_mutex_unlock(&j->in_lock);
  pthread_mutex_lock(&j->out_lock);
  bool running = j->running;
  pthread_mutex_unlock(&j->out_lock);
  if (running) ow_interrupt_raise();
}

static void *serve(void *arg) {
  ow_jp *j = arg;
  double next_parent = ow_clock() + PARENT_EVERY, next_partial = 0, next_pipe = 0;
  bool stop = false, failing = false;
  while (!stop) {
    zmq_pollitem_t item[OW_JP_CHANNELS + 3];
    ow_jp_channel of[OW_JP_CHANNELS];
    int n = 0;
    for (int c = 0; c < OW_JP_CHANNELS; c++)
      if (j->socket[c] && (j->client || c != OW_JP_IOPUB)) {
        of[n] = (ow_jp_channel)c;
        item[n++] = (zmq_pollitem_t){.socket = j->socket[c], .events = ZMQ_POLLIN};
      }
    int sockets = n;
    item[n++] = (zmq_pollitem_t){.fd = j->wake[0], .events = ZMQ_POLLIN};
    double now = ow_clock(), wait = j->parent_pid ? next_parent - now : 3600;
    pthread_mutex_lock(&j->out_lock);
    bool pause = now < next_pipe;  // not woken by every line of a flood: a pipe holds many
    if (pause && wait > next_pipe - now) wait = next_pipe - now;
    for (int k = 0; k < 2 && !pause; k++)
      if (j->pipe[k] >= 0) item[n++] = (zmq_pollitem_t){.fd = j->pipe[k], .events = ZMQ_POLLIN};
    double due = ow_jp_flush_due(j, now);
    if (due >= 0 && due < wait) wait = due;
    if (j->running && j->pipe[0] >= 0 && wait > PARTIAL_EVERY) wait = PARTIAL_EVERY;
    pthread_mutex_unlock(&j->out_lock);
    if (ow_zmq.poll_(item, n, wait < 0 ? 0 : (long)(wait * 1000) + 1) < 0 && ow_zmq.errno_() != EINTR) {
      if (!failing) ow_jp_log(j, "the sockets fail: %s", ow_zmq.strerror_(ow_zmq.errno_()));
      failing = true;
      ow_sleep(0.1);
    }
    if (item[sockets].revents) {
      char drop[256];
      if (read(j->wake[0], drop, sizeof drop) < 0 && errno != EAGAIN && errno != EINTR) ow_sleep(0.01);
    }
    for (int k = 0; k < sockets; k++) {
      if (!item[k].revents) continue;
      ow_jp_message *m;
      for (int burst = 0; burst < BURST && (m = receive_one(j, of[k])); burst++) take(j, m);
    }
    now = ow_clock();
    pthread_mutex_lock(&j->out_lock);
    if (ow_jp_pump(j)) next_pipe = now + PIPE_PAUSE;
    if (j->running && now >= next_partial) {
      ow_jp_unbuffer(j);
      next_partial = now + PARTIAL_EVERY;
    }
    stop = j->stop;
    if (stop || ow_jp_flush_due(j, now) == 0) ow_jp_flush(j, stop);
    ow_jp_message *m = j->outgoing.first, *next;
    j->outgoing = (ow_jp_queue){0};
    pthread_mutex_unlock(&j->out_lock);
    for (; m; m = next) {
      next = m->next;
      send_one(j, m);
    }
    if (now >= next_parent) {
      check_parent(j);
      next_parent = now + PARENT_EVERY;
    }
  }
  return NULL;
}

// ---- open and close ------------------------------------------------------------------------

static bool open_socket(ow_jp *j, const ow_jp_options *o, ow_jp_channel c, ow_err *e) {
  static const int kernel_type[OW_JP_CHANNELS] = {ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_PUB, ZMQ_ROUTER};
  static const int client_type[OW_JP_CHANNELS] = {ZMQ_DEALER, ZMQ_DEALER, ZMQ_DEALER, ZMQ_SUB, ZMQ_DEALER};
  void *s = j->socket[c] = ow_zmq.socket_(j->context, (o->client ? client_type : kernel_type)[c]);
  if (!s) return OW_FAIL(e, OW_EIO, "no socket for %s: %s", ow_jp_channel_names[c], ow_zmq.strerror_(ow_zmq.errno_()));
  int linger = 1000, unread = UNREAD, on = 1;
  ow_zmq.setsockopt_(s, ZMQ_LINGER, &linger, sizeof linger);
  ow_zmq.setsockopt_(s, ZMQ_SNDHWM, &unread, sizeof unread);
  ow_zmq.setsockopt_(s, ZMQ_RCVHWM, &unread, sizeof unread);
  ow_zmq.setsockopt_(s, ZMQ_MAXMSGSIZE, &MAX_FRAME_BYTES, sizeof MAX_FRAME_BYTES);
  if (o->client) {  // a reply to an input request finds its way by the same name as on shell
    if (c != OW_JP_IOPUB && c != OW_JP_HEARTBEAT) ow_zmq.setsockopt_(s, ZMQ_ROUTING_ID, o->session, strlen(o->session));
    if (c == OW_JP_IOPUB) ow_zmq.setsockopt_(s, ZMQ_SUBSCRIBE, "", 0);
  } else if (c != OW_JP_IOPUB) {
    ow_zmq.setsockopt_(s, ZMQ_ROUTER_HANDOVER, &on, sizeof on);
  }
  if ((o->client ? ow_zmq.connect_ : ow_zmq.bind_)(s, o->address[c])) {
    const char *why = ow_zmq.strerror_(ow_zmq.errno_());
    return OW_FAIL(e, OW_EIO, "cannot %s %s for %s: %s", o->client ? "connect to" : "listen at", o->address[c],
                   ow_jp_channel_names[c], why);
  }
  return true;
}

static char *copy(const char *s, size_t n, ow_err *e) {
  char *p = ow_alloc(n + 1, e);
  if (p) memcpy(p, s, n), p[n] = 0;
  return p;
}

ow_jp *ow_jp_open(const ow_jp_options *o, ow_err *e) {
  if (!ow_zmq_load(e)) return NULL;
  ow_jp *j = ow_alloc_zero(sizeof *j, e);
  if (!j) return NULL;
  j->client = o->client;
  for (int k = 0; k < 2; k++) j->wake[k] = j->pipe[k] = j->saved[k] = -1;
  pthread_mutex_init(&j->in_lock, NULL);
  pthread_mutex_init(&j->out_lock, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
#ifndef __APPLE__
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
#endif
  pthread_cond_init(&j->arrived, &monotonic);
  pthread_condattr_destroy(&monotonic);
  const char *starter = getenv("JPY_PARENT_PID");
  if (!o->client && starter && atol(starter) == (long)getppid()) j->parent_pid = getppid();
  j->key_len = o->key_len;
  if (!(j->key = copy(o->key, o->key_len, e)) || !(j->session = copy(o->session, strlen(o->session), e))) goto fail;
  if (!ow_jp_pipe(j->wake) || fcntl(j->wake[0], F_SETFL, O_NONBLOCK) || fcntl(j->wake[1], F_SETFL, O_NONBLOCK)) {
    ow_fail_errno(e, "pipe", "make");
    goto fail;
  }
  if (!(j->context = ow_zmq.ctx_new_())) {
    OW_FAIL(e, OW_EIO, "ZeroMQ does not start: %s", ow_zmq.strerror_(ow_zmq.errno_()));
    goto fail;
  }
  for (int c = 0; c < OW_JP_CHANNELS; c++)
    if (o->address[c] && !open_socket(j, o, (ow_jp_channel)c, e)) goto fail;
  sigset_t all, before;  // signals go to the thread that runs Lua
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&j->thread, NULL, serve, j);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) {
    OW_FAIL(e, OW_EIO, "no thread for the sockets: %s", strerror(failed));
    goto fail;
  }
  j->started = true;
  return j;
fail:
  ow_jp_close(j);
  return NULL;
}

void ow_jp_close(ow_jp *j) {
  if (!j) return;
  if (j->started) {
    if (j->pipe[0] >= 0) fflush(stdout);
    pthread_mutex_lock(&j->out_lock);
    j->stop = true;
    pthread_mutex_unlock(&j->out_lock);
    wake(j);
    pthread_join(j->thread, NULL);
  }
  for (int c = 0; c < OW_JP_CHANNELS; c++) {
    if (j->socket[c]) ow_zmq.close_(j->socket[c]);
    for (ow_jp_message *m; (m = pop(&j->incoming[c])); ) ow_jp_message_free(m);
  }
  for (ow_jp_message *m; (m = pop(&j->outgoing)); ) ow_jp_message_free(m);
  if (j->context) while (ow_zmq.ctx_term_(j->context) && ow_zmq.errno_() == EINTR) {}
  ow_jp_stream_close(j);
  for (int k = 0; k < 2; k++) if (j->wake[k] >= 0) close(j->wake[k]);
  pthread_cond_destroy(&j->arrived);
  pthread_mutex_destroy(&j->in_lock);
  pthread_mutex_destroy(&j->out_lock);
  ow_free(j->key);
  ow_free(j->session);
  ow_free(j);
}

// ---- for the thread that runs Lua ----------------------------------------------------------

void ow_jp_send(ow_jp *j, ow_jp_message *m) {
  bool after_output = m->channel == OW_JP_IOPUB && j->pipe[0] >= 0;
  if (after_output) fflush(stdout);
  pthread_mutex_lock(&j->out_lock);
  if (after_output) {
    ow_jp_pump(j);
    ow_jp_flush(j, true);
  }
  ow_jp_push(&j->outgoing, m);
  pthread_mutex_unlock(&j->out_lock);
  wake(j);
}

bool ow_jp_parent(ow_jp *j, const char *header, size_t n, bool running, ow_err *e) {
  if (j->pipe[0] >= 0) fflush(stdout);
  pthread_mutex_lock(&j->out_lock);
  ow_jp_pump(j);
  ow_jp_flush(j, true);
  j->header.len = 0;
  j->running = running;
  bool ok = ow_text_put(&j->header, header, n, e);
  pthread_mutex_unlock(&j->out_lock);
  wake(j);
  return ok;
}

ow_jp_result ow_jp_receive(ow_jp *j, unsigned channels, double seconds, ow_jp_message **m) {
  double end = ow_clock() + seconds;
  ow_jp_result r = OW_JP_TIMEOUT;
  pthread_mutex_lock(&j->in_lock);
  for (;;) {
    *m = NULL;
    for (int c = 0; c < OW_JP_CHANNELS && !*m; c++)
      if (channels & 1u << c) *m = pop(&j->incoming[c]);
    if (*m) { r = OW_JP_GOT; break; }
    if (j->orphan) { r = OW_JP_ORPHAN; break; }
    if (ow_interrupted()) { r = OW_JP_INTERRUPTED; break; }
    double left = seconds < 0 ? 3600 : end - ow_clock();
    if (left <= 0) break;
    if (left > 0.1 && seconds >= 0) left = 0.1;  // a signal does not end the wait
#ifdef __APPLE__
    const clockid_t clock = CLOCK_REALTIME;
#else
    const clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec until;
    clock_gettime(clock, &until);
    int64_t ns = until.tv_nsec + (int64_t)(left * 1e9);
    until.tv_sec += (time_t)(ns / 1000000000), until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&j->arrived, &j->in_lock, &until);
  }
  pthread_mutex_unlock(&j->in_lock);
  return r;
}

void ow_jp_log_line(const ow_jp *j, const char *line) { ow_jp_log(j, "%s", line); }

int64_t ow_jp_rejected(const ow_jp *j) { return j->rejected; }
