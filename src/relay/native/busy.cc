#include "busy.h"

#include <ctime>

namespace sluice {

namespace {
constexpr std::int64_t kPeriodNs = 20'000'000;
/** In percent of the time that has passed. */
constexpr std::int64_t kBusyPercent = 90;

std::int64_t read(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}
}  // namespace

bool Busy::operator()() {
  const std::int64_t now = read(CLOCK_MONOTONIC_COARSE);
  const std::int64_t passed = now - sinceNs_;
  if (passed < kPeriodNs) return isBusy_;
  const std::int64_t used = read(CLOCK_THREAD_CPUTIME_ID);
  // After a long silence the period says nothing about now.
  isBusy_ = passed < 50 * kPeriodNs && (used - usedNs_) * 100 >= passed * kBusyPercent;
  sinceNs_ = now;
  usedNs_ = used;
  return isBusy_;
}

}  // namespace sluice
