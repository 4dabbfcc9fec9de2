#include "pause.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice {

namespace {
constexpr long kPauseNs = 10'000'000;
}

Pause::Pause() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!timer_) throw std::system_error(errno, std::generic_category(), "timerfd_create");
}

void Pause::add(Source& source) {
  if (source.isPaused) return;
  source.isPaused = true;
  waiting_.push_back(&source);
  if (waiting_.size() > 1) return;
  const itimerspec once{{}, {0, kPauseNs}};
  ::timerfd_settime(timer_.get(), 0, &once, nullptr);
}

void Pause::forget(Source& source) {
  if (!source.isPaused) return;
  source.isPaused = false;
  std::erase(waiting_, &source);
  std::replace(calling_.begin(), calling_.end(), &source, static_cast<Source*>(nullptr));
}

void Pause::ready(std::uint32_t) {
  calling_.swap(waiting_);
  for (std::size_t index = 0; index < calling_.size(); ++index) {
    Source* const source = calling_[index];
    if (source == nullptr) continue;
    source->isPaused = false;
    source->ready(0);
  }
  calling_.clear();
}

}  // namespace sluice
