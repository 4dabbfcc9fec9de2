#pragma once

#include <cstdint>

namespace sluice {

/** Whether the thread that asks has been on a processor nearly all the time lately. */
class Busy {
 public:
  /** Cheap: what it says is up to 20 ms old. */
  bool operator()();

 private:
  std::int64_t sinceNs_ = 0;
  std::int64_t usedNs_ = 0;
  bool isBusy_ = false;
};

}  // namespace sluice
