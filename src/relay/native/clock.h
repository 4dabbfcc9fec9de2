#pragma once

#include <atomic>
#include <ctime>

namespace sluice {

/** JavaScript's monotonic clock, in milliseconds. Any thread may ask it. */
class Clock {
 public:
  /** `now` is what it says at this moment. If it does not run by itself, as in tests, `cell` has its time; else nullptr. */
  Clock(double now, double* cell) : cell_(cell), offset_(now - monotonicMs()) {}

  double now() const {
    if (cell_ != nullptr) return std::atomic_ref<double>(*cell_).load(std::memory_order_relaxed);
    return offset_ + monotonicMs();
  }

 private:
  static double monotonicMs() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  }

  double* const cell_;
  const double offset_;
};

}  // namespace sluice
