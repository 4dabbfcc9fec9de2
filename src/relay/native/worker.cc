#include "worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

namespace sluice {

Worker::Worker(std::size_t bufferBytes, int mostPipes, std::size_t outboxBytes, std::function<void()> wake)
    : reactor_(bufferBytes, mostPipes, outboxBytes), wake_(std::move(wake)), signal_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!signal_ || !reactor_.add(signal_.get(), EPOLLIN, *this)) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  // Signals are for the thread of JavaScript.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "sluice-relay");
}

Worker::~Worker() {
  post([this] { stopping_ = true; });
  thread_.join();
}

void Worker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(signal_.get(), &one, sizeof one);
}

void Worker::ready(std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto size = ::read(signal_.get(), &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void Worker::run() {
  while (!stopping_) {
    reactor_.turn(-1);
    publishEvents();
  }
}

void Worker::publishEvents() {
  auto& told = reactor_.told();
  if (told.empty()) return;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = events_.empty();
    events_.insert(events_.end(), told.begin(), told.end());
  }
  told.clear();
  if (first) wake_();
}

void Worker::take(std::vector<Event>& to) {
  const std::lock_guard lock(mutex_);
  to.insert(to.end(), events_.begin(), events_.end());
  events_.clear();
}

}  // namespace sluice
