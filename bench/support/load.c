/*
 * The bench's own load, one thread, so that it weighs little beside the proxy on a machine with two cores.
 *
 *   load echo HOST PORT                               a UDP echo, for ever
 *   load udp  HOST PORT CLIENTS BYTES SECONDS         closed loop: every client sends its next datagram when the
 *                                                     answer to the last one is there (or was lost for 200 ms)
 *   load http HOST PORT CONNECTIONS RATE SECONDS      open loop: GET / at RATE a second in all, arrivals as of a
 *                                                     Poisson process with a fixed seed, the same for every subject
 *
 * Prints one line of JSON; latencies in microseconds. The open loop counts from the time a request was *due*, so a
 * stall is charged to every request that it delayed (no coordinated omission).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { lost_after_us = 200000, grace_us = 1000000, max_peers = 4096 };

struct peer {
  int fd;
  int64_t since; /* when its request was sent (udp) or due (http), µs */
  uint64_t sequence;
  long got;
};

static struct peer peers[max_peers];
static char buffer[65536];
static uint32_t *latencies;
static size_t done, room;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void record(int64_t us) {
  if (done == room) {
    room = room ? room * 2 : 1 << 16;
    latencies = realloc(latencies, room * sizeof *latencies);
    if (!latencies) fail("realloc");
  }
  latencies[done++] = us < 0 ? 0 : (uint32_t)us;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void print(double seconds, long lost) {
  qsort(latencies, done, sizeof *latencies, ascending);
  printf("{\"done\":%zu,\"lost\":%ld,\"seconds\":%.6f,\"p50\":%u,\"p99\":%u}\n", done, lost, seconds,
         done ? latencies[done / 2] : 0, done ? latencies[done * 99 / 100] : 0);
}

static struct sockaddr_in address(const char *host, const char *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  if (inet_pton(AF_INET, host, &a.sin_addr) != 1) fail("address");
  return a;
}

static int connected(int type, struct sockaddr_in to) {
  int fd = socket(AF_INET, type, 0), on = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void watch(int epoll, int fd, uint32_t index) {
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = index};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0) fail("epoll_ctl");
}

static void echo(struct sockaddr_in at) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
  for (;;) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &size);
    if (n >= 0) sendto(fd, buffer, n, 0, (struct sockaddr *)&from, size);
  }
}

static void send_datagram(struct peer *p, int bytes, int64_t now) {
  p->sequence++;
  p->since = now;
  memcpy(buffer, &p->sequence, sizeof p->sequence);
  send(p->fd, buffer, bytes, 0); /* an error is a loss: it is sent again after lost_after_us */
}

static void udp(struct sockaddr_in to, int clients, int bytes, double seconds) {
  int epoll = epoll_create1(0);
  long lost = 0;
  struct epoll_event ready[64];
  for (int i = 0; i < clients; i++) {
    peers[i].fd = connected(SOCK_DGRAM | SOCK_NONBLOCK, to);
    watch(epoll, peers[i].fd, i);
  }
  int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6), now = start, swept = start;
  for (int i = 0; i < clients; i++) send_datagram(&peers[i], bytes, now);
  while ((now = now_us()) < end) {
    int n = epoll_wait(epoll, ready, 64, 50);
    now = now_us();
    for (int i = 0; i < n; i++) {
      struct peer *p = &peers[ready[i].data.u32];
      uint64_t sequence = 0;
      ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
      if (size >= (ssize_t)sizeof sequence) memcpy(&sequence, buffer, sizeof sequence);
      if (size != bytes || sequence != p->sequence) continue; /* late answer to one given up, or an ICMP error */
      record(now - p->since);
      send_datagram(p, bytes, now);
    }
    if (now - swept < lost_after_us / 4) continue;
    swept = now;
    for (int i = 0; i < clients; i++)
      if (now - peers[i].since > lost_after_us) {
        lost++;
        send_datagram(&peers[i], bytes, now);
      }
  }
  print((now_us() - start) / 1e6, lost);
}

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

static void send_request(struct peer *p) {
  if (send(p->fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) fail("send");
}

/* The whole length of an answer, learned once: every answer of the backend is equally long. */
static long answer_length(struct peer *p) {
  long got = 0;
  send_request(p);
  for (;;) {
    ssize_t n = recv(p->fd, buffer + got, sizeof buffer - 1 - got, 0);
    if (n <= 0) fail("recv");
    got += n;
    buffer[got] = 0;
    char *body = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "content-length:");
    if (!body) continue;
    if (!length) fail("no content-length");
    long whole = body + 4 - buffer + atol(length + 15);
    if (got >= whole) return whole;
  }
}

static void http(struct sockaddr_in to, int connections, double rate, double seconds) {
  int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), waiting = 0;
  int idle[max_peers];
  struct epoll_event ready[64];
  long whole = 0;
  srand48(1);
  watch(epoll, timer, max_peers);
  for (int i = 0; i < connections; i++) {
    peers[i].fd = connected(SOCK_STREAM, to);
    whole = answer_length(&peers[i]);
    watch(epoll, peers[i].fd, i);
    idle[waiting++] = i;
  }
  double start = now_us(), due = start, end = start + seconds * 1e6;
  while (due < end || waiting < connections) {
    int64_t now = now_us();
    while (due <= now && due < end && waiting > 0) {
      struct peer *p = &peers[idle[--waiting]];
      p->since = (int64_t)due;
      p->got = 0;
      send_request(p);
      due += -log(1 - drand48()) * 1e6 / rate;
    }
    if (now > end + grace_us) break;
    if (due < end && waiting > 0) {
      struct itimerspec at = {.it_value = {(int64_t)due / 1000000, ((int64_t)due % 1000000) * 1000 + 1}};
      timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    }
    int n = epoll_wait(epoll, ready, 64, 50);
    now = now_us();
    for (int i = 0; i < n; i++) {
      uint64_t expirations;
      if (ready[i].data.u32 == max_peers) {
        if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer");
        continue;
      }
      struct peer *p = &peers[ready[i].data.u32];
      ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
      if (size <= 0) fail("recv");
      if ((p->got += size) < whole) continue;
      record(now - p->since);
      idle[waiting++] = ready[i].data.u32;
    }
  }
  print((now_us() - start) / 1e6, connections - waiting);
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "echo")) echo(address(argv[2], argv[3]));
  if (argc != 7 || atoi(argv[4]) > max_peers || atoi(argv[4]) < 1) return fprintf(stderr, "see load.c\n"), 2;
  struct sockaddr_in to = address(argv[2], argv[3]);
  if (!strcmp(argv[1], "udp")) udp(to, atoi(argv[4]), atoi(argv[5]), atof(argv[6]));
  if (!strcmp(argv[1], "http")) http(to, atoi(argv[4]), atof(argv[5]), atof(argv[6]));
  return 0;
}
