#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "socket.h"

namespace sluice {

/** Whose a datagram is that a trusted proxy has sent. */
struct ProxiedOrigin {
  enum class Kind {
    /** The proxy's own: it speaks for itself (LOCAL, UNSPEC), or of another transport. */
    sender,
    /** Of `client`. */
    client,
    /** There is no header: of whomever the proxy named last from the same port. */
    unnamed,
    /** The header is wrong or cut off: nobody's. */
    invalid,
  };
  Kind kind;
  /** How long the header is; the rest is payload. */
  std::size_t length = 0;
  Address client;
};

/**
 * Reads the PROXY v2 header that may stand before the payload of a datagram (HAProxy's doc/proxy-protocol.txt, 2.2). The
 * same as `proxy-protocol/datagram.ts`, which has the rules.
 */
ProxiedOrigin readProxyHeader(std::string_view datagram);

/** Networks in which proxies are trusted. */
class TrustedNetworks {
 public:
  TrustedNetworks() = default;
  /** 18 bytes each: 4 or 6, the length of the prefix in bits, and the address, of which IPv4 takes the first 4 bytes. */
  explicit TrustedNetworks(std::string_view bytes);

  bool isEmpty() const { return networks_.empty(); }
  bool has(const Address& address) const;

 private:
  struct Network {
    std::uint8_t family;
    std::uint8_t bits;
    std::uint8_t bytes[16];
  };
  std::vector<Network> networks_;
};

}  // namespace sluice
