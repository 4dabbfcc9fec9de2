#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "segments.h"
#include "socket.h"

namespace sluice {

/** The longest datagram and a little more: a UDP packet has at most 65,527 bytes of payload (IPv6). */
inline constexpr std::size_t kMostDatagramBytes = 65'536;

/** What one recvmmsg(2) brings: datagrams of any size, or trains of them, each with its sender. */
class Inbox {
 public:
  static constexpr unsigned kMost = 64;

  Inbox();

  /** Takes what waits in `fd`, at most `kMost`; returns how many there were, a train counted as one; if none, see errno. */
  unsigned receive(int fd);
  /** Gives `take` each datagram and its sender. */
  template <typename Take>
  void forEach(unsigned count, Take take) const {
    for (unsigned index = 0; index < count; ++index) {
      forEachOf(bytes(index), SegmentSize::of(messages_[index].msg_hdr),
                [&](std::string_view datagram) { take(senders_[index], datagram); });
    }
  }

 private:
  std::string_view bytes(unsigned index) const {
    return {memory_.get() + index * kStride, messages_[index].msg_len};
  }

  /** Not a power of two: the first lines of all datagrams would share a few places of the caches. */
  static constexpr std::size_t kStride = kMostDatagramBytes + 5 * 64;

  /** Pages that no datagram was long enough for are never touched, and take no memory. */
  std::unique_ptr<char[]> memory_;
  std::array<mmsghdr, kMost> messages_{};
  std::array<iovec, kMost> pieces_{};
  std::array<SegmentSize, kMost> segmentSizes_{};
  std::array<Address, kMost> senders_{};
  /** How many messages must be made ready for the next receive. */
  unsigned used_ = kMost;
};

}  // namespace sluice
