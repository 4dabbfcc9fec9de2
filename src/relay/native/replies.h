#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "segments.h"

namespace sluice {

class UdpSession;

/**
 * What endpoints have said in one turn, on its way to the clients: one sendmmsg(2) for each listener. A session must
 * outlive the turn in which it has said something. What follows each other for one client is one message, see `segments.h`.
 */
class Replies {
 public:
  Replies();

  /** Room for the longest datagram. */
  char* room();
  /**
   * The first `size` bytes of that are for the client of `session`: a train of datagrams of `segmentSize`, see `forEachOf`.
   * Returns how many those are.
   */
  unsigned add(UdpSession& session, std::size_t size, std::size_t segmentSize);
  void send();

 private:
  static constexpr std::size_t kMost = 256;
  /** What is left behind a reply must do for the longest one. */
  static constexpr std::size_t kBytes = 8 * 65'536;

  void put(UdpSession& session, std::string_view datagram);
  /** Makes messages of the replies from `from` to `to`; returns how many. */
  unsigned makeMessages(std::size_t from, std::size_t to);
  void sendSome(std::size_t from, std::size_t to);
  std::size_t failed(std::size_t from, int error);

  std::unique_ptr<char[]> memory_;
  std::size_t used_ = 0;
  std::size_t count_ = 0;
  std::array<UdpSession*, kMost> sessions_{};
  std::array<mmsghdr, kMost> messages_{};
  std::array<SegmentSize, kMost> segmentSizes_{};
  /** The first reply of each message. */
  std::array<std::size_t, kMost + 1> firsts_{};
  std::array<iovec, kMost> pieces_{};
};

}  // namespace sluice
