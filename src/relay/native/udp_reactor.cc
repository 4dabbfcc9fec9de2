#include "udp_reactor.h"

#include "udp_listener.h"

namespace sluice {

double UdpReactor::now() {
  if (turn_ != reactor.turns()) {
    turn_ = reactor.turns();
    now_ = clock_.now();
  }
  return now_;
}

/** The end of the turn. */
void UdpReactor::ready(std::uint32_t) {
  isFinishing_ = false;
  replies_.send();
  for (UdpListener* listener : lossy_) listener->tellLosses();
  lossy_.clear();
  gone_.clear();
}

}  // namespace sluice
