/*
 * Preloaded into sluice: while the file named by HOLD_WHILE is there, what epoll_wait(2) has found for a relay thread is told
 * 300 ms later, as if it had not been given a processor.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int isRelayThread(const void *caller) {
  Dl_info found;
  return gettid() != getpid() && dladdr(caller, &found) != 0 && strstr(found.dli_fname, ".node") != NULL;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  int (*next)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
  const int isHeld = isRelayThread(__builtin_return_address(0));
  const int count = next(epoll, events, most, timeout);
  if (isHeld && count > 0 && access(getenv("HOLD_WHILE"), F_OK) == 0) usleep(300000);
  return count;
}
