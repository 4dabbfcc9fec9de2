#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cells.h"
#include "direction.h"
#include "event.h"
#include "reactor.h"
#include "side.h"
#include "socket.h"

namespace sluice {

/** What holds for the connections of a listener. */
struct TcpOptions {
  bool noDelay = true;
  /** Ask the kernel how the connection went before it is closed. */
  bool measures = false;
  /** SO_MARK of the sockets to endpoints, socket(7); 0: none. */
  int mark = 0;
};

/** Where a connection is relayed: by home for so many of its events, then by another reactor (or home for ever). */
struct Place {
  Reactor* reactor = nullptr;
  int turnsAtHome = 0;
};

/**
 * One client connection and its way to an endpoint.
 *
 *   accepted ──► (head) ──► dialing ──► relaying ──► closed
 *
 * Until it relays it belongs to the home reactor, where JavaScript decides; then to the reactor that was chosen for it.
 */
class TcpFlow {
 public:
  enum class State : std::uint8_t { accepted, dialing, relaying, closed };

  TcpFlow(std::int32_t slotIndex, Fd client, Cells& cells, const TcpOptions& options, Reactor& home);

  // At home.

  /**
   * Starts a try; once the endpoint answers it is relayed at `place`. `header` goes to whichever endpoint is reached before
   * all else. `source`, if it is given, is the address that the endpoint sees, with another port where that is in use.
   * 1: the endpoint has answered, 0: an event will tell (or has told: `closed`), below 0: the negative errno of the failure.
   */
  int dial(Reactor& home, const Place& place, const Address& endpoint, const Address& source, std::string_view header);
  /** Ends a try. */
  void giveUp();
  /** Whether the client is still connected, as far as is known without reading. */
  bool hasClient() const { return hasPeer(client_.fd.get()); }
  /** Tells `head` events, until it dials. */
  bool watchHead();
  /** What the client has sent so far, without taking it: like recv(2). */
  ssize_t peek(char* to, std::size_t size) const;
  /** Takes the first `size` bytes of it, which have been seen. False: they are still there. */
  bool drop(std::size_t size) const;

  // Where it is relayed; before, at home.

  /** Ends it with a reset on both sides. */
  void abort();
  void keepAlive(int idleSeconds, int userTimeoutMs);
  /** What `direction` had posted was not sent at once: what `pump` would have returned, likewise with errno. */
  void notSent(Direction& direction, Direction::Outcome outcome) {
    if (state_ != State::closed) act(direction, outcome);
  }
  void ready(Side& side, std::uint32_t events);

  const std::int32_t slot;
  /** Which worker relays it, or -1: none does yet. The home reactor's thread alone reads and writes it. */
  int worker = -1;
  /** A command is under way to that worker. As `worker`. */
  bool isCommanded = false;
  /** It was not handed to a worker yet. As `worker`. */
  bool isAtHome() const { return isAtHome_; }

 private:
  Direction::Outcome readFirst(std::string_view header);
  int open(const Address& endpoint, const Address& source);
  int connect(const Address& endpoint);
  void dialed();
  void relay();
  bool shouldMove() const;
  void move();
  void start();
  void pump(Direction& direction) { act(direction, direction.pump(*reactor_)); }
  void act(Direction& direction, Direction::Outcome outcome);
  void finish(Direction& direction);
  void fail(Direction& direction, Side& side);
  void broke(int error, Party party);
  void close(Ending ending, Party party);
  void measure();

  Cells& cells_;
  const TcpOptions options_;
  Side client_;
  Side upstream_;
  Direction up_;
  Direction down_;
  /** Where it belongs now. */
  Reactor* reactor_;
  Place place_;
  State state_ = State::accepted;
  bool watchesClient_ = false;
  bool watchesUpstream_ = false;
  bool hasReadFirst_ = false;
  bool isAtHome_ = true;
  /** Events that it had at home. */
  std::uint8_t turns_ = 0;
  Party firstEnd_ = Party::none;
};

}  // namespace sluice
