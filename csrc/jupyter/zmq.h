// The part of the ZeroMQ interface that we use, declared here so that no header and no library
// is needed to build: names, types and numbers are those of libzmq 4 (its interface is stable
// from 4.0 to 4.3), the functions are found in libzmq.so.5 when first needed.
#ifndef OW_JUPYTER_ZMQ_H
#define OW_JUPYTER_ZMQ_H
#include <stddef.h>

#include "base/err.h"

typedef struct { _Alignas(void *) unsigned char opaque[64]; } zmq_msg_t;
typedef struct {
  void *socket;
  int fd;
  short events, revents;
} zmq_pollitem_t;

enum {
  ZMQ_PUB = 1, ZMQ_SUB = 2, ZMQ_DEALER = 5, ZMQ_ROUTER = 6,
  ZMQ_ROUTING_ID = 5, ZMQ_SUBSCRIBE = 6, ZMQ_LINGER = 17, ZMQ_MAXMSGSIZE = 22, ZMQ_SNDHWM = 23, ZMQ_RCVHWM = 24,
  ZMQ_ROUTER_HANDOVER = 56,
  ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_POLLIN = 1
};

// return type, name, arguments
#define OW_ZMQ_FUNCTIONS(F)                                    \
  F(int, errno, (void))                                        \
  F(const char *, strerror, (int))                             \
  F(void, version, (int *, int *, int *))                      \
  F(void *, ctx_new, (void))                                   \
  F(int, ctx_term, (void *))                                   \
  F(void *, socket, (void *, int))                             \
  F(int, close, (void *))                                      \
  F(int, bind, (void *, const char *))                         \
  F(int, connect, (void *, const char *))                      \
  F(int, setsockopt, (void *, int, const void *, size_t))      \
  F(int, poll, (zmq_pollitem_t *, int, long))                  \
  F(int, msg_init, (zmq_msg_t *))                              \
  F(int, msg_init_size, (zmq_msg_t *, size_t))                 \
  F(int, msg_close, (zmq_msg_t *))                             \
  F(void *, msg_data, (zmq_msg_t *))                           \
  F(size_t, msg_size, (const zmq_msg_t *))                     \
  F(int, msg_more, (const zmq_msg_t *))                        \
  F(int, msg_recv, (zmq_msg_t *, void *, int))                 \
  F(int, msg_send, (zmq_msg_t *, void *, int))

typedef struct {
#define FIELD(R, name, args) R(*name##_) args;
  OW_ZMQ_FUNCTIONS(FIELD)
#undef FIELD
} ow_zmq_api;
extern ow_zmq_api ow_zmq;

// Finds the library once; OW_EMISSING says what to install. OROWAN_ZMQ names another library,
// or is "none".
bool ow_zmq_load(ow_err *e);

#endif
