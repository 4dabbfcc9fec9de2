/* Preloaded into sluice: while the file named by SEND_ERRNO_WHILE is there, sends on IPv4 sockets fail with SEND_ERRNO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int fails(int fd) {
  const char *file = getenv("SEND_ERRNO_WHILE");
  int domain = 0;
  socklen_t length = sizeof domain;
  if (file == NULL || access(file, F_OK) != 0) return 0;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_INET) return 0;
  errno = atoi(getenv("SEND_ERRNO"));
  return 1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
  return fails(fd) ? -1 : next(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
  int (*next)(int, struct mmsghdr *, unsigned int, int) = dlsym(RTLD_NEXT, "sendmmsg");
  return fails(fd) ? -1 : next(fd, messages, count, flags);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  return fails(fd) ? -1 : next(fd, bytes, count);
}
