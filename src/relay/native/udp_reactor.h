#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "clock.h"
#include "inbox.h"
#include "reactor.h"
#include "replies.h"
#include "send_batch.h"
#include "source.h"

namespace sluice {

class UdpListener;

/** What the UDP listeners of one reactor have in common. It belongs to the reactor's thread. */
class UdpReactor final : private Source {
 public:
  /** `rings`: use io_uring(7) where it is to be had. */
  UdpReactor(Reactor& in, const Clock& clock, bool rings)
      : reactor(in), sends(rings ? Ring::make(SendBatch::kMost) : nullptr), clock_(clock) {}

  Reactor& reactor;
  Inbox inbox;
  SendBatch sends;
  /** Bytes of datagrams that wait for an endpoint or its answer. */
  std::size_t heldBytes = 0;

  const Clock& clock() const { return clock_; }
  /** The time of the present turn. */
  double now();
  /** To be sent at the end of the turn. */
  Replies& replies() {
    finishLater();
    return replies_;
  }
  /** `listener` has losses to tell at the end of the turn. */
  void noteLosses(UdpListener& listener) {
    finishLater();
    lossy_.push_back(&listener);
  }
  /** Destroys it at the end of the turn: until then something may be on the way to it. */
  void bury(std::shared_ptr<void> gone) {
    finishLater();
    gone_.push_back(std::move(gone));
  }
  /** `listener` is about to be destroyed. */
  void forget(const UdpListener& listener) { std::erase(lossy_, &listener); }

 private:
  void ready(std::uint32_t events) override;
  void finishLater() {
    if (!isFinishing_) reactor.last(*this);
    isFinishing_ = true;
  }

  const Clock& clock_;
  Replies replies_;
  std::vector<UdpListener*> lossy_;
  std::vector<std::shared_ptr<void>> gone_;
  bool isFinishing_ = false;
  std::uint64_t turn_ = ~std::uint64_t{0};
  double now_ = 0;
};

}  // namespace sluice
