#include "jupyter/zmq.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

ow_zmq_api ow_zmq;

bool ow_zmq_load(ow_err *e) {
  static const char *const names[] = {"libzmq.so.5", "libzmq.5.dylib", "/opt/homebrew/lib/libzmq.5.dylib", "libzmq.so"};
  static void *lib;
  if (lib) return true;
  const char *own = getenv("OROWAN_ZMQ");
  void *found = NULL;
  if (own && *own) found = strcmp(own, "none") ? dlopen(own, RTLD_NOW | RTLD_LOCAL) : NULL;
  else for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) found = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!found) {
    OW_FAIL(e, OW_EMISSING, "Jupyter needs the ZeroMQ library (libzmq.so.5), which was not found%s%s",
            own ? " at OROWAN_ZMQ=" : "", own ? own : "");
    return ow_hint(e, "apt-get install libzmq5; everything else works without it");
  }
#define FIND(R, name, args)                                                                     \
  *(void **)&ow_zmq.name##_ = dlsym(found, "zmq_" #name);                                       \
  if (!ow_zmq.name##_) {                                                                        \
    dlclose(found);                                                                             \
    return OW_FAIL(e, OW_EMISSING, "the ZeroMQ library has no zmq_" #name ": libzmq 4 is needed"); \
  }
  OW_ZMQ_FUNCTIONS(FIND)
#undef FIND
  lib = found;
  return true;
}
