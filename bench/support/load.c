/*
 * The bench's own load, one thread, so that it weighs little beside the proxy on a machine with two cores.
 *
 *   load echo HOST PORT                                    a UDP echo, for ever
 *   load udp  HOST PORT CLIENTS BYTES SECONDS              closed loop: every client sends its next datagram when the
 *                                                          answer to the last one is there (or was lost for 200 ms)
 *   load open KIND HOST PORT AT-ONCE RATE SECONDS          open loop: RATE a second in all, arrivals as of a Poisson
 *                                                          process with a fixed seed, the same for every subject
 *
 * KIND is what one of them is: `request` is GET / on one of AT-ONCE connections that stay open, `connection` the same
 * on a new connection, `datagram` 200 bytes there and back. At most AT-ONCE are under way, those beyond it wait.
 *
 * Prints one line of JSON; latencies in microseconds. The open loop counts from the time that one was *due*, so a
 * stall is charged to all that it delayed (no coordinated omission), and the first tenth of the time does not count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
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
  int64_t since; /* when its request was sent (udp) or due (open), µs */
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

static void print(double seconds, long due, long lost) {
  qsort(latencies, done, sizeof *latencies, ascending);
  printf("{\"due\":%ld,\"done\":%zu,\"lost\":%ld,\"seconds\":%.6f,\"p50\":%u,\"p99\":%u}\n", due, done, lost, seconds,
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

/* Whether what has come is the answer: not one to a datagram that was given up, nor an ICMP error. */
static bool is_answered(struct peer *p, int bytes) {
  uint64_t sequence = 0;
  ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
  if (size >= (ssize_t)sizeof sequence) memcpy(&sequence, buffer, sizeof sequence);
  return size == bytes && sequence == p->sequence;
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
      if (!is_answered(p, bytes)) continue;
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
  print((now_us() - start) / 1e6, done + lost, lost);
}

/* What is asked for in the open loop. */
struct kind {
  const char *name;
  void (*open)(struct peer *); /* once, before the first */
  void (*ask)(struct peer *);
  bool (*hears)(struct peer *, uint32_t events); /* whether the answer is complete */
};

static const char *request = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static struct sockaddr_in place;
static long answer_bytes;
static int epoll;

static uint32_t index_of(struct peer *p) { return p - peers; }

static void send_request(struct peer *p) {
  p->got = 0;
  if (send(p->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) fail("send");
}

/* The whole length of an answer, learned once: every answer of the backend is equally long. */
static long answer_length(void) {
  struct peer p = {.fd = connected(SOCK_STREAM, place)};
  send_request(&p);
  for (;;) {
    ssize_t n = recv(p.fd, buffer + p.got, sizeof buffer - 1 - p.got, 0);
    if (n <= 0) fail("recv");
    p.got += n;
    buffer[p.got] = 0;
    char *body = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "content-length:");
    if (!body) continue;
    if (!length) fail("no content-length");
    long whole = body + 4 - buffer + atol(length + 15);
    if (p.got >= whole) return close(p.fd), whole;
  }
}

static void open_request(struct peer *p) {
  p->fd = connected(SOCK_STREAM, place);
  if (answer_bytes == 0) answer_bytes = answer_length();
  watch(epoll, p->fd, index_of(p));
}

static bool hears_request(struct peer *p, uint32_t) {
  ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
  if (size <= 0) fail("recv");
  return (p->got += size) >= answer_bytes;
}

static void open_connection(struct peer *) {
  request = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
  if (answer_bytes == 0) answer_bytes = answer_length();
}

static void ask_connection(struct peer *p) {
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = index_of(p)};
  p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  p->sequence = 0;
  if (p->fd < 0) fail("socket");
  if (connect(p->fd, (struct sockaddr *)&place, sizeof place) < 0 && errno != EINPROGRESS) fail("connect");
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &e) < 0) fail("epoll_ctl");
}

static bool hears_connection(struct peer *p, uint32_t events) {
  if ((events & EPOLLOUT) && p->sequence++ == 0) send_request(p);
  if (!(events & EPOLLIN)) return false;
  ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) fail("recv");
  if ((p->got += size) < answer_bytes) return false;
  close(p->fd);
  return true;
}

enum { datagram_bytes = 200 };

static void open_datagram(struct peer *p) {
  p->fd = connected(SOCK_DGRAM | SOCK_NONBLOCK, place);
  watch(epoll, p->fd, index_of(p));
}

static void ask_datagram(struct peer *p) { send_datagram(p, datagram_bytes, p->since); }

static bool hears_datagram(struct peer *p, uint32_t) { return is_answered(p, datagram_bytes); }

static const struct kind kinds[] = {
    {"request", open_request, send_request, hears_request},
    {"connection", open_connection, ask_connection, hears_connection},
    {"datagram", open_datagram, ask_datagram, hears_datagram},
};

static void open_loop(const struct kind *kind, int at_once, double rate, double seconds) {
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), waiting = 0, idle[max_peers];
  long due_count = 0;
  struct epoll_event ready[64];
  epoll = epoll_create1(0);
  srand48(1);
  watch(epoll, timer, max_peers);
  for (int i = 0; i < at_once; i++) kind->open(&peers[idle[waiting++] = i]);
  double start = now_us(), due = start, end = start + seconds * 1e6, counted = start + seconds * 1e5;
  while (due < end || waiting < at_once) {
    int64_t now = now_us();
    for (; due <= now && due < end && waiting > 0; due += -log(1 - drand48()) * 1e6 / rate) {
      struct peer *p = &peers[idle[--waiting]];
      p->since = (int64_t)due;
      due_count += due >= counted;
      kind->ask(p);
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
      struct peer *p = &peers[ready[i].data.u32];
      if (ready[i].data.u32 == max_peers) {
        if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer");
      } else if (kind->hears(p, ready[i].events)) {
        if (p->since >= counted) record(now - p->since);
        idle[waiting++] = index_of(p);
      }
    }
  }
  print((now_us() - start) / 1e6, due_count, due_count - done);
}

static int usage(void) { return fprintf(stderr, "see load.c\n"), 2; }

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "echo")) echo(address(argv[2], argv[3]));
  if (argc == 7 && !strcmp(argv[1], "udp") && atoi(argv[4]) > 0 && atoi(argv[4]) <= max_peers) {
    udp(address(argv[2], argv[3]), atoi(argv[4]), atoi(argv[5]), atof(argv[6]));
    return 0;
  }
  if (argc != 8 || strcmp(argv[1], "open") || atoi(argv[5]) < 1 || atoi(argv[5]) > max_peers) return usage();
  place = address(argv[3], argv[4]);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(argv[2], kinds[i].name)) continue;
    open_loop(&kinds[i], atoi(argv[5]), atof(argv[6]), atof(argv[7]));
    return 0;
  }
  return usage();
}
