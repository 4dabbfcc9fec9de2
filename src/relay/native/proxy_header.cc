#include "proxy_header.h"

#include <algorithm>
#include <cstring>

namespace sluice {

namespace {
using Kind = ProxiedOrigin::Kind;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
/** The signature, version and command, family and protocol, and the length of what follows. */
constexpr std::size_t kFixedBytes = 16;
/** Ours, as in `proxy-protocol/header.ts`. */
constexpr std::size_t kMostBytes = 4096;
constexpr unsigned kLocal = 0x20;
constexpr unsigned kProxy = 0x21;
constexpr unsigned kUdp4 = 0x12;
constexpr unsigned kUdp6 = 0x22;

unsigned byteAt(std::string_view bytes, std::size_t index) { return static_cast<std::uint8_t>(bytes[index]); }

std::uint16_t numberAt(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint16_t>(byteAt(bytes, index) << 8 | byteAt(bytes, index + 1));
}

/** Type (1 byte), length (2 bytes), value; and again, to the very end. */
bool areTlvs(std::string_view bytes) {
  while (bytes.size() >= 3) {
    const std::size_t size = 3 + std::size_t{numberAt(bytes, 1)};
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

/** IPv4 in the clothes of IPv6 (RFC 4291 section 2.5.5.2) is undressed. */
Address clientOf(std::string_view source, std::uint16_t port) {
  static constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  if (source.size() == 16 && source.substr(0, 12) == kMapped) source.remove_prefix(12);
  return {reinterpret_cast<const std::uint8_t*>(source.data()), source.size() == 16, port};
}
}  // namespace

ProxiedOrigin readProxyHeader(std::string_view datagram) {
  if (datagram.substr(0, kSignature.size()) != kSignature) return {Kind::unnamed, 0, {}};
  if (datagram.size() < kFixedBytes) return {Kind::invalid, 0, {}};
  const unsigned command = byteAt(datagram, 12);
  const unsigned family = byteAt(datagram, 13);
  if (command != kLocal && command != kProxy) return {Kind::invalid, 0, {}};
  if (command == kProxy && (family >> 4 > 3 || (family & 15) > 2)) return {Kind::invalid, 0, {}};
  const std::size_t length = kFixedBytes + numberAt(datagram, 14);
  if (length > kMostBytes || length > datagram.size()) return {Kind::invalid, 0, {}};
  if (command == kLocal || (family != kUdp4 && family != kUdp6)) return {Kind::sender, length, {}};
  const std::size_t width = family == kUdp4 ? 4 : 16;
  const std::size_t addressEnd = kFixedBytes + 2 * width + 4;
  if (length < addressEnd || !areTlvs(datagram.substr(addressEnd, length - addressEnd))) return {Kind::invalid, 0, {}};
  const auto port = numberAt(datagram, kFixedBytes + 2 * width);
  return {Kind::client, length, clientOf(datagram.substr(kFixedBytes, width), port)};
}

TrustedNetworks::TrustedNetworks(std::string_view bytes) : networks_(bytes.size() / sizeof(Network)) {
  if (!isEmpty()) std::memcpy(networks_.data(), bytes.data(), networks_.size() * sizeof(Network));
}

bool TrustedNetworks::has(const Address& address) const {
  const std::uint8_t family = address.isV6() ? 6 : 4;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    const std::size_t whole = network.bits / 8;
    if (network.family != family || std::memcmp(network.bytes, address.bytes(), whole) != 0) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || (network.bytes[whole] ^ address.bytes()[whole]) >> (8 - rest) == 0;
  });
}

}  // namespace sluice
