#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "ring.h"
#include "segments.h"

namespace sluice {

class UdpSession;

/**
 * What the clients of one load have sent, on its way to their endpoints: what follows each other from one client in one
 * message where that can be, and all messages by one system call where there is a `Ring`. Beside the calls that saves being
 * interrupted between them by whoever has been sent something.
 */
class SendBatch {
 public:
  /** More than a load mostly has, trains included. */
  static constexpr unsigned kMost = 256;

  explicit SendBatch(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}

  /** `datagram` must stay until `send`, which is done here and now if there is no room for more. */
  void add(UdpSession& session, std::string_view datagram);
  /** Sends them, and tells each session what has become of its datagrams. */
  void send();

 private:
  struct Message {
    std::size_t from;
    std::size_t count;
    msghdr header;
    SegmentSize segmentSize;
  };

  void makeMessages();
  void queue(const Message& message);
  /** Those that are not sent yet. */
  void sendEach(std::span<int> results);
  void tell(const Message& message, long result);

  std::unique_ptr<Ring> ring_;
  std::size_t count_ = 0;
  std::array<UdpSession*, kMost> sessions_{};
  std::array<iovec, kMost> datagrams_{};
  std::size_t messageCount_ = 0;
  std::array<Message, kMost> messages_{};
};

}  // namespace sluice
