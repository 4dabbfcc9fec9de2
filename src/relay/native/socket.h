#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "fd.h"

namespace sluice {

/** An address and port of either family, as the kernel takes it. */
class Address {
 public:
  Address() = default;
  /** `bytes` has 4 or 16 bytes in network order; `port` is in host order. */
  Address(const std::uint8_t* bytes, bool isV6, std::uint16_t port);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&v6_); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&v6_); }
  socklen_t size() const { return isV6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  /** Room for whatever the kernel writes. */
  static constexpr socklen_t room = sizeof(sockaddr_in6);

  int family() const { return v6_.sin6_family; }
  bool isV6() const { return family() == AF_INET6; }
  /** In host order. Both families have it in the same place. */
  std::uint16_t port() const { return ntohs(v6_.sin6_port); }
  /** 4 or 16 bytes in network order. */
  const std::uint8_t* bytes() const;
  void copyBytes(std::uint8_t (&to)[16]) const;
  /** Not the one that was made without an address. */
  bool isGiven() const { return family() != AF_UNSPEC; }
  Address withoutPort() const { return {bytes(), isV6(), 0}; }

  friend bool operator==(const Address& a, const Address& b);

 private:
  sockaddr_in6 v6_{};
};

/** Non-blocking and close-on-exec; not a descriptor: errno says why. */
Fd openSocket(int family, int type);

bool setOption(int fd, int level, int name, int value);

/** IP_FREEBIND: an address may be bound that is not of this host yet; ip(7). */
bool freeBind(int fd, int family);
/** IP_TRANSPARENT: an address may be bound that is not of this host, and packets to it be taken; needs a capability, ip(7). */
bool makeTransparent(int fd, int family);

/** As whom a socket goes to an endpoint. */
struct Origin {
  /** SO_MARK, socket(7); 0: none. */
  int mark = 0;
  /** Where it comes from, which need not be of this host; not given: the kernel chooses. With port 0 it chooses the port. */
  Address source;
};

/** Makes a socket of `family` one of `origin`, before it connects. Returns 0, or the errno of the failure. */
int setOrigin(int fd, int family, const Origin& origin);

/** Whether binding or connecting has failed with `error` because the port of the source is in use. */
bool isSourceTaken(int error);

/** SO_RCVBUF and SO_SNDBUF, in bytes (socket(7)). */
struct SocketBuffers {
  int receive = 0;
  int send = 0;
};

/**
 * A UDP socket that is connected to `endpoint`; not a descriptor: errno says why. Where the port of the source is in use, it
 * has another.
 */
Fd openUdp(const Address& endpoint, const SocketBuffers& buffers, const Origin& origin);

/** Asks for these sizes; the kernel may grant less. */
void setBuffers(int fd, const SocketBuffers& buffers);

/** Closing `fd` then resets the connection (SO_LINGER with 0 seconds, socket(7)), and frees what waits to be sent. */
void resetOnClose(int fd);

/** SO_KEEPALIVE with its first probe after `idleSeconds` (0: none), and TCP_USER_TIMEOUT (0: the system's); tcp(7). */
void keepAlive(int fd, int idleSeconds, int userTimeoutMs);

/** Whether a socket that was connected still is: a reset takes its peer from it, read or not. */
bool hasPeer(int fd);

/** Does `call`, a system call, again for as long as a signal interrupts it (EINTR, signal(7)). */
template <typename Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/** Whether both ends of the socket are the same. */
bool isConnectedToItself(int fd);

/** Whether `error` is of this host, and may be over in a moment. */
bool isShortage(int error);

/** Whether `error` is what a socket says when the peer has reset the connection, reading or writing. */
bool isReset(int error);

}  // namespace sluice
