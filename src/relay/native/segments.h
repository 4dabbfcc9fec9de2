#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "socket.h"

namespace sluice {

/*
 * Datagrams of one size to one peer can go through the network stack as one, which the kernel or the network card cuts
 * apart at the end (UDP_SEGMENT, udp(7), Linux 4.18): for a session with many under way that is half of their cost. And what
 * was sent so, or what the network card has put together, can be received as one (UDP_GRO, Linux 5.0): a train.
 */

inline constexpr int kUdpSegment = 103;
inline constexpr int kUdpGro = 104;
/** UDP_MAX_SEGMENTS of the oldest kernels that have it. */
inline constexpr unsigned kMostSegments = 64;
inline constexpr std::size_t kMostSegmentBytes = 65'507;

/** Up to which size of a datagram this works on a way: it must fit into a packet. */
class SegmentLimit {
 public:
  SegmentLimit() = default;
  /** An older kernel would make one datagram of all: it is asked. */
  explicit SegmentLimit(int fd) {
    if (number(fd, IPPROTO_UDP, kUdpSegment) >= 0) most_ = kMostSegmentBytes / 2;
  }

  /**
   * What the way of a connected socket is known to take (IP_MTU, ip(7)): sending what is too large would fail only when what
   * comes behind it may have been sent.
   */
  void narrowToWayOf(int fd) {
    if (const int mtu = number(fd, IPPROTO_IP, IP_MTU); mtu > 0) narrowTo(mtu - 20 - 8);
    else if (const int mtu6 = number(fd, IPPROTO_IPV6, IPV6_MTU); mtu6 > 0) narrowTo(mtu6 - 40 - 8);
  }

  bool allows(std::size_t size) const { return size > 0 && size <= most_; }

  /** Whether `error` is that of sending datagrams of `size` as one. They can be sent each by itself. */
  bool isExceeded(int error, std::size_t size) {
    if (error != EINVAL && error != EMSGSIZE && error != EIO && error != EOPNOTSUPP) return false;
    // EIO: the device cannot do it, whatever the size.
    most_ = error == EIO || error == EOPNOTSUPP ? 0 : size - 1;
    return true;
  }

 private:
  /** An option of a socket; -1: it has none of that. */
  static int number(int fd, int level, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
  }

  void narrowTo(int bytes) { most_ = std::min(most_, static_cast<std::size_t>(std::max(bytes, 0))); }

  std::size_t most_ = 0;
};

/** How many datagrams, at most `most`, may leave with the first: all as long as that one, the last may be shorter. */
template <typename SizeAt>
std::size_t segmentsFrom(std::size_t most, const SegmentLimit& limit, SizeAt sizeAt) {
  const std::size_t size = sizeAt(std::size_t{0});
  if (!limit.allows(size)) return 1;
  std::size_t count = 1;
  for (std::size_t bytes = size; count < most && count < kMostSegments; ++count) {
    const std::size_t next = sizeAt(count);
    bytes += next;
    if (next > size || next == 0 || bytes > kMostSegmentBytes) break;
    if (next < size) return count + 1;
  }
  return count;
}

/** Says with a message how long its segments are. */
class SegmentSize {
 public:
  void addTo(msghdr& message, std::size_t size) {
    message.msg_control = bytes_;
    message.msg_controllen = CMSG_SPACE(sizeof(std::uint16_t));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = kUdpSegment;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto value = static_cast<std::uint16_t>(size);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
  }

  /** Before `message` is received. */
  void offerTo(msghdr& message) {
    message.msg_control = bytes_;
    message.msg_controllen = sizeof bytes_;
  }

  /** Of `message`, which was received. 0: it is one datagram. */
  static std::size_t of(const msghdr& message) {
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != IPPROTO_UDP || header->cmsg_type != kUdpGro) return 0;
    int value = 0;
    std::memcpy(&value, CMSG_DATA(header), sizeof value);
    return static_cast<std::size_t>(value);
  }

 private:
  alignas(cmsghdr) char bytes_[CMSG_SPACE(sizeof(int))] = {};
};

/** Has the socket give trains as one, where the kernel can. */
inline void receiveTrains(int fd) { setOption(fd, IPPROTO_UDP, kUdpGro, 1); }

/** A datagram or a train. */
struct Received {
  /** In all; negative: errno says why there is none. */
  ssize_t size;
  /** See `forEachOf`. */
  std::size_t segmentSize;
};

/** recv(2). */
inline Received receiveTrain(int fd, char* to, std::size_t room) {
  iovec piece{to, room};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  SegmentSize segmentSize;
  segmentSize.offerTo(message);
  const ssize_t size = ::recvmsg(fd, &message, 0);
  return {size, size < 0 ? 0 : SegmentSize::of(message)};
}

/** Gives `take` the datagrams of a train one by one: all have `size` bytes, the last may have fewer. 0: there is only one. */
template <typename Take>
void forEachOf(std::string_view train, std::size_t size, Take take) {
  if (size == 0) size = train.size();
  do {
    take(train.substr(0, size));
    train.remove_prefix(std::min(size, train.size()));
  } while (!train.empty());
}

}  // namespace sluice
