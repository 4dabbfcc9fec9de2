#pragma once

#include <uv.h>

#include <functional>

namespace sluice {

/** Calls back on libuv's loop while a descriptor can be read. The descriptor must outlive it. */
class Poll {
 public:
  Poll(uv_loop_t* loop, int fd, std::function<void()> readable);
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  void start();
  void stop();
  /** Whether the loop goes on for it. */
  void keepAlive(bool yes);

 private:
  /** On the heap, of the size that the running libuv says, until libuv has closed it. */
  uv_poll_t* handle_;
  std::function<void()> readable_;
};

/** Calls back on libuv's loop, once for any number of `wake`s, which may come from other threads. */
class Wakeup {
 public:
  Wakeup(uv_loop_t* loop, std::function<void()> woken);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void wake();
  void keepAlive(bool yes);

 private:
  uv_async_t* handle_;
  std::function<void()> woken_;
};

}  // namespace sluice
