#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cells.h"
#include "fd.h"
#include "held_datagrams.h"
#include "segments.h"
#include "socket.h"
#include "source.h"

namespace sluice {

class OnewaySocket;
class UdpListener;

/** Why a datagram was lost; `events.ts` has the same order. */
enum class Loss : std::int32_t { bufferFull = 0, tooLarge = 1, sendError = 2, badHeader = 3 };
inline constexpr std::size_t kLosses = 4;

/** That which an error of send(2) stands for (udp(7), ip(7)). */
Loss lossOf(int error);

/** Whether an error of send(2) or recv(2) tells that the endpoint cannot be reached. */
bool isOfEndpoint(int error);

/** Whom a session belongs to. */
struct UdpOwner {
  /** Whom datagrams come from and replies go to. */
  Address peer;
  /** The client that `peer`, a proxy, has named; nullptr: it is the client itself. */
  const Address* named = nullptr;
  /** Of both, see `UdpListener`. */
  std::uint64_t hash = 0;
};

/**
 * One client address:port, as one sender has it, and its socket towards an endpoint.
 *
 *   waiting ──► open ──► waiting (for JavaScript, after a failure) ──► open ──► …
 *
 * While it waits the client's datagrams are held; while it is open the last one is, until the endpoint has answered, for
 * the case that it has to be sent to another.
 */
class UdpSession final : public Source {
 public:
  UdpSession(UdpListener& listener, const UdpOwner& owner);
  ~UdpSession();

  UdpListener& listener() const { return listener_; }
  const Address& peer() const { return peer_; }
  const Address& client() const { return named_ ? *named_ : peer_; }
  bool isProxied() const { return named_ != nullptr; }
  std::uint64_t hash() const { return hash_; }
  bool isOf(const UdpOwner& owner) const;
  bool isAdmitted() const { return cells_ != nullptr; }
  bool isSentBy(const OnewaySocket& socket) const { return oneway_.get() == &socket; }
  HeldDatagrams& held() { return held_; }
  UdpOwner owner() const { return {peer_, named_.get(), hash_}; }

  /** From here on JavaScript knows it by `slot`, and sees its counters in `cells`. */
  void admit(std::int32_t slot, Cells& cells);
  /** A datagram of the client. */
  void receive(std::string_view datagram);
  /**
   * Opens a socket to `endpoint`, or uses `shared`, and sends what is held. `source`, if it is given, is the address that the
   * endpoint sees. `prefix` goes before each datagram.
   */
  void dial(const Address& endpoint, const Address& source, std::string_view prefix,
            std::shared_ptr<OnewaySocket> shared);
  /** Towards the endpoint; it must be open. */
  int socket() const;
  /** What has become of a datagram that was sent through it: how many bytes, or a negative errno. */
  void sent(std::string_view datagram, long result);
  /** Sends it now. */
  void send(std::string_view datagram);
  /** Towards the endpoint, which must be open. */
  SegmentLimit& segmentLimit();
  /** Towards the client, whose way may be narrower than that of others. */
  SegmentLimit& replyLimit() { return replyLimit_; }
  /** Something has come from the endpoint. */
  void ready(std::uint32_t events) override;
  /** The endpoint cannot be reached: waits for what JavaScript says. */
  void fail(int error);
  /** Closes the socket. */
  void leave();
  /** A reply of that size has been given to the client. */
  void countReply(std::size_t bytes);

 private:
  bool isOpen() const { return fd_ || oneway_; }
  int open(const Address& endpoint, const Address& source);
  void sendHeld();
  unsigned receiveReplies();
  void active(unsigned datagrams);
  void tellReached(bool hasReplied);

  UdpListener& listener_;
  const Address peer_;
  const std::unique_ptr<const Address> named_;
  const std::uint64_t hash_;
  std::int32_t slot_ = -1;
  Cells* cells_ = nullptr;
  Fd fd_;
  std::shared_ptr<OnewaySocket> oneway_;
  std::string prefix_;
  HeldDatagrams held_;
  SegmentLimit segmentLimit_;
  SegmentLimit replyLimit_;
  double dialledMs_ = 0;
  std::uint32_t readTurn_ = 0;
  std::uint32_t busyTurns_ = 0;
  std::uint8_t activities_ = 0;
  bool hasReplied_ = false;
  bool toldReached_ = false;
  bool knowsWay_ = false;
};

}  // namespace sluice
