#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "event.h"
#include "fd.h"
#include "reactor.h"
#include "source.h"

namespace sluice {

/** A reactor with a thread of its own. */
class Worker final : private Source {
 public:
  /** `wake` is called from the thread when there are events to take, and must not block. */
  Worker(std::size_t bufferBytes, int mostPipes, std::size_t outboxBytes, std::function<void()> wake);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Reactor& reactor() { return reactor_; }
  /** Runs `task` in the thread, soon. */
  void post(std::function<void()> task);
  /** Moves the events that were told since the last time behind those of `to`. */
  void take(std::vector<Event>& to);

 private:
  void ready(std::uint32_t events) override;
  void run();
  void publishEvents();

  Reactor reactor_;
  std::function<void()> wake_;
  Fd signal_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  std::vector<Event> events_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice
