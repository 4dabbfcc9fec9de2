#include "socket.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice {

Address::Address(const std::uint8_t* bytes, bool isV6, std::uint16_t port) {
  v6_.sin6_port = htons(port);
  if (isV6) {
    v6_.sin6_family = AF_INET6;
    std::memcpy(&v6_.sin6_addr, bytes, 16);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&v6_);
    v4->sin_family = AF_INET;
    std::memcpy(&v4->sin_addr, bytes, 4);
  }
}

const std::uint8_t* Address::bytes() const {
  if (isV6()) return v6_.sin6_addr.s6_addr;
  return reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&v6_)->sin_addr);
}

void Address::copyBytes(std::uint8_t (&to)[16]) const { std::memcpy(to, bytes(), isV6() ? 16 : 4); }

bool operator==(const Address& a, const Address& b) {
  return a.family() == b.family() && a.port() == b.port() && std::memcmp(a.bytes(), b.bytes(), a.isV6() ? 16 : 4) == 0;
}

Fd openSocket(int family, int type) { return Fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

bool freeBind(int fd, int family) {
  return family == AF_INET6 ? setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : setOption(fd, IPPROTO_IP, IP_FREEBIND, 1);
}

bool makeTransparent(int fd, int family) {
  return family == AF_INET6 ? setOption(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
                            : setOption(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
}

int setOrigin(int fd, int family, const Origin& origin) {
  const auto& source = origin.source;
  if (origin.mark != 0 && !setOption(fd, SOL_SOCKET, SO_MARK, origin.mark)) return errno;
  if (!source.isGiven()) return 0;
  if (source.family() != family) return EAFNOSUPPORT;
  if (!makeTransparent(fd, family)) return errno;
  // A client may reach several endpoints from one port, by several VIPs.
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // The port is chosen once the endpoint is known, too: then it must be free for that pair only (ip(7)).
  if (source.port() == 0) setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return ::bind(fd, source.get(), source.size()) == 0 ? 0 : errno;
}

bool isSourceTaken(int error) { return error == EADDRINUSE || error == EADDRNOTAVAIL; }

Fd openUdp(const Address& endpoint, const SocketBuffers& buffers, const Origin& origin) {
  Fd fd = openSocket(endpoint.family(), SOCK_DGRAM);
  if (!fd) return fd;
  setBuffers(fd.get(), buffers);
  const int failure = setOrigin(fd.get(), endpoint.family(), origin);
  if (isSourceTaken(failure) && origin.source.port() != 0) {
    return openUdp(endpoint, buffers, {origin.mark, origin.source.withoutPort()});
  }
  if (failure != 0) {
    fd.reset();
    errno = failure;
    return fd;
  }
  if (::connect(fd.get(), endpoint.get(), endpoint.size()) != 0) return {};
  return fd;
}

void setBuffers(int fd, const SocketBuffers& buffers) {
  setOption(fd, SOL_SOCKET, SO_RCVBUF, buffers.receive);
  setOption(fd, SOL_SOCKET, SO_SNDBUF, buffers.send);
}

bool setOption(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void resetOnClose(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void keepAlive(int fd, int idleSeconds, int userTimeoutMs) {
  if (idleSeconds > 0) {
    setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, idleSeconds);
  }
  if (userTimeoutMs > 0) setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, userTimeoutMs);
}

bool hasPeer(int fd) {
  Address peer;
  socklen_t size = Address::room;
  return ::getpeername(fd, peer.get(), &size) == 0;
}

bool isConnectedToItself(int fd) {
  Address local;
  Address peer;
  socklen_t size = Address::room;
  if (::getsockname(fd, local.get(), &size) != 0) return false;
  size = Address::room;
  return ::getpeername(fd, peer.get(), &size) == 0 && local == peer;
}

bool isShortage(int error) { return error == ENOBUFS || error == ENOMEM; }

bool isReset(int error) { return error == ECONNRESET || error == EPIPE || error == ECONNABORTED; }

}  // namespace sluice
