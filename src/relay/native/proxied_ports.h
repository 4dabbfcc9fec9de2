#pragma once

#include <cstddef>
#include <unordered_map>

#include "address_hash.h"
#include "socket.h"

namespace sluice {

/**
 * Whom each port of a proxy has named last: what follows from there without a name is of that client, and of nobody else
 * even if that client was turned away. A port is remembered while it has sessions.
 */
class ProxiedPorts {
 public:
  /** `port` names `client` now. */
  void name(const Address& port, const Address& client) {
    if (const auto found = ports_.find(port); found != ports_.end()) found->second.last = client;
  }

  const Address* last(const Address& port) const {
    const auto found = ports_.find(port);
    return found == ports_.end() ? nullptr : &found->second.last;
  }

  /** A session of `client` begins. */
  void add(const Address& port, const Address& client) {
    auto& entry = ports_[port];
    entry.last = client;
    ++entry.sessions;
  }

  void remove(const Address& port) {
    const auto found = ports_.find(port);
    if (found != ports_.end() && --found->second.sessions == 0) ports_.erase(found);
  }

 private:
  struct Port {
    Address last;
    std::size_t sessions = 0;
  };
  std::unordered_map<Address, Port, AddressHash> ports_;
};

}  // namespace sluice
