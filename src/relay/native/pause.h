#pragma once

#include <vector>

#include "fd.h"
#include "source.h"

namespace sluice {

/** Sources that a reactor calls again after a moment: what this host is short of now, as memory, it may have then. */
class Pause final : public Source {
 public:
  /** Throws std::system_error. */
  Pause();

  /** To be watched by the reactor. */
  int fd() const { return timer_.get(); }
  /** `source` is called once, however often it is added before. */
  void add(Source& source);
  void forget(Source& source);
  void ready(std::uint32_t events) override;

 private:
  /** timerfd_create(2). */
  Fd timer_;
  std::vector<Source*> waiting_;
  std::vector<Source*> calling_;
};

}  // namespace sluice
