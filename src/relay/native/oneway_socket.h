#pragma once

#include <memory>

#include "fd.h"
#include "socket.h"
#include "source.h"

namespace sluice {

class UdpListener;

/**
 * One socket for all oneway sessions of a listener with the same endpoint: no reply has to find its session. A reply that
 * comes all the same is lost.
 */
class OnewaySocket final : public Source, public std::enable_shared_from_this<OnewaySocket> {
 public:
  OnewaySocket(UdpListener& listener, const Address& endpoint);

  const Address endpoint;
  int fd() const { return fd_.get(); }
  /** Why it cannot be used (errno); 0: it can. */
  int failure() const { return failure_; }
  void ready(std::uint32_t events) override;
  /** The endpoint cannot be reached: fails all sessions that use it. */
  void fail(int error);

 private:
  UdpListener& listener_;
  Fd fd_;
  int failure_ = 0;
};

}  // namespace sluice
