#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "event.h"
#include "fd.h"
#include "source.h"

namespace sluice {

class TcpFlow;

/** What a side is always watched for, see epoll_ctl(2). */
inline constexpr std::uint32_t kReads = EPOLLIN | EPOLLRDHUP | EPOLLPRI;

/** One of the two sockets of a TCP flow. */
class Side final : public Source {
 public:
  Side(TcpFlow& owner, Party who) : party(who), flow(owner) {}

  void ready(std::uint32_t events) override;
  /** Keeps what epoll_wait(2) says of the socket. */
  void note(std::uint32_t events);

  const Party party;
  Fd fd;
  TcpFlow& flow;
  /** There may be something to read: edge-triggered epoll(7) says so once. */
  bool readable = false;
  /** The peer has finished, in order (EPOLLRDHUP without an error): what can be read now is the last. */
  bool lastBytes = false;
  /** A short read does not mean that nothing is left: there is an error behind it, or an urgent mark in it (tcp(7)). */
  bool readsOn = false;
  /** It has not taken all that it was given: the reactor tells when it takes more. */
  bool watchesWrites = false;
  /** TCP_NODELAY is wanted and not set: the first write leaves at once without it. */
  bool wantsNoDelay = false;
  bool hasWritten = false;
};

}  // namespace sluice
