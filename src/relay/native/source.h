#pragma once

#include <cstdint>

namespace sluice {

/** Something that a reactor watches. */
class Source {
 public:
  /** `events` as of epoll_ctl(2); 0: the source had asked to be called again. */
  virtual void ready(std::uint32_t events) = 0;
  /** It has asked its reactor to be called again, and was not yet. The reactor alone writes this. */
  bool isAskedAgain = false;
  /** It waits in a `Pause`, which alone writes this. */
  bool isPaused = false;

 protected:
  ~Source() = default;
};

}  // namespace sluice
