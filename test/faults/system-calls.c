/*
 * Preloaded into sluice: while the file named by FAIL_WHILE is there, every FAIL_EVERY-th call of the function named by FAIL_CALL
 * fails with FAIL_ERRNO, and the file grows by one byte.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(void) {
  const int fd = open(getenv("FAIL_WHILE"), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "!", 1) != 1) abort();
  close(fd);
}

static int isToFail(const char *call) {
  return strcmp(call, getenv("FAIL_CALL")) == 0 && access(getenv("FAIL_WHILE"), F_OK) == 0;
}

static int fails(const char *call) {
  static atomic_int count;
  if (!isToFail(call)) return 0;
  if (++count % atoi(getenv("FAIL_EVERY")) != 0) return 0;
  tell();
  errno = atoi(getenv("FAIL_ERRNO"));
  return 1;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
  ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
  return fails("send") ? -1 : next(fd, bytes, count, flags);
}

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
  ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
  return fails("recv") ? -1 : next(fd, bytes, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
  return fails("sendmsg") ? -1 : next(fd, message, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  int (*next)(int, struct mmsghdr *, unsigned, int, struct timespec *) = dlsym(RTLD_NEXT, "recvmmsg");
  return fails("recvmmsg") ? -1 : next(fd, messages, count, flags, timeout);
}

ssize_t splice(int from, off64_t *fromAt, int to, off64_t *toAt, size_t count, unsigned flags) {
  ssize_t (*next)(int, off64_t *, int, off64_t *, size_t, unsigned) = dlsym(RTLD_NEXT, "splice");
  return fails("splice") ? -1 : next(from, fromAt, to, toAt, count, flags);
}

static int isIpv4(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_INET;
}

/* The admin socket of the test is of another family. */
int accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags) {
  int (*next)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
  return isIpv4(fd) && fails("accept4") ? -1 : next(fd, peer, size, flags);
}

int socket(int domain, int type, int protocol) {
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  return domain == AF_INET && fails("socket") ? -1 : next(domain, type, protocol);
}

/* Whether the addon has made the call that returns to `address`: libuv aborts where its own ring fails. */
static int isOfAddon(const void *address) {
  Dl_info found;
  return dladdr(address, &found) != 0 && strstr(found.dli_fname, ".node") != NULL;
}

long syscall(long number, ...) {
  const int isOurs = number == __NR_io_uring_enter && isOfAddon(__builtin_return_address(0));
  long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall");
  long argument[6];
  va_list list;
  va_start(list, number);
  for (int index = 0; index < 6; index++) argument[index] = va_arg(list, long);
  va_end(list);
  if (isOurs && fails("io_uring_enter")) return -1;
  /* The next one fails when this has done one of what it was asked for. */
  if (isOurs && isToFail("io_uring_enter")) argument[1] = argument[2] = 1;
  return next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

/* libuv aborts where this fails: what it watches itself, as the admin socket, is left alone. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  int (*next)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
  return operation == EPOLL_CTL_DEL && isIpv4(fd) && fails("epoll_ctl") ? -1 : next(epoll, operation, fd, event);
}
