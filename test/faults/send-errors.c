/* Preloaded into sluice: while the file named by SEND_ERRNO_WHILE is there, sends on IPv4 sockets fail with SEND_ERRNO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
  ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
  return fails(fd) ? -1 : next(fd, bytes, count, flags);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  return fails(fd) ? -1 : next(fd, bytes, count);
}

/* What io_uring sends passes none of these by: there is none. */
long syscall(long number, ...) {
  long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall");
  long argument[6];
  va_list list;
  va_start(list, number);
  for (int index = 0; index < 6; index++) argument[index] = va_arg(list, long);
  va_end(list);
  if (number == __NR_io_uring_setup) {
    errno = ENOSYS;
    return -1;
  }
  return next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
