#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "pipes.h"
#include "reactor.h"
#include "side.h"

namespace sluice {

/** What `from` sends to `to`, and its end. Small traffic is copied through the reactor's buffer, bulk is spliced. */
class Direction {
 public:
  enum class Outcome {
    /** Nothing can be done before an event. */
    waiting,
    /** It had its share of the turn. */
    again,
    /** This host is short of memory (ENOBUFS, ENOMEM): in a moment it may not be. */
    later,
    /** All that `from` has sent is with `to`; the end is not passed on yet. */
    finished,
    /** read(2) or write(2) failed: errno says why. */
    fromFailed,
    toFailed,
  };

  Direction(Side& from, Side& to, double& cell) : from_(from), to_(to), cell_(cell) {}

  Outcome pump(Reactor& reactor);

  /** `bytes` go to `to` before all else; they are not counted. */
  void prepend(const char* bytes, std::size_t size);
  /** Reads once what `from` has sent already, so that it can leave with the handshake. Like `pump`, but writes nothing. */
  Outcome readEarly(Reactor& reactor);
  /** `bytes`, which were posted, have been sent: `result` is how much of them, or a negative errno. `again`: that was all. */
  Outcome sent(Reactor& reactor, std::string_view bytes, int result);
  /** What is posted is held from now on, and written before all else. */
  void takeBack(Reactor& reactor);
  /** Writes what is posted, as far as `to` takes it. */
  void settle(Reactor& reactor) {
    if (isPosted_) flush(reactor);
  }
  /** Writes what is posted or held. `finished`: nothing is any more. */
  Outcome flush(Reactor& reactor);

  TcpFlow& flow() const { return from_.flow; }
  /** The socket of `to`. */
  int target() const { return to_.fd.get(); }
  bool hasPipe() const { return pipe_ != nullptr; }
  bool isFinished() const { return finished_; }
  bool holdsBytes() const { return heldTo_ > heldFrom_; }
  /** Nothing moves any more: gives back what it holds. */
  void close(Reactor& reactor);

 private:
  Outcome copyOnce(Reactor& reactor, std::size_t& moved);
  Outcome spliceOnce(Reactor& reactor, std::size_t& moved);
  Outcome readInstead(Reactor& reactor, std::size_t& moved);
  void mayNotSplice();
  ssize_t read(Reactor& reactor);
  static ssize_t splice(const Fd& from, const Fd& to, std::size_t size);
  bool mayPost(Reactor& reactor, std::size_t size) const;
  Outcome post(Reactor& reactor, std::size_t size);
  void setNoDelay();
  Outcome wrote(Reactor& reactor, std::string_view bytes, ssize_t sent);
  /** Gives `to` what it takes of `bytes`; returns how much that was, or -1: errno says why. */
  ssize_t write(const char* bytes, std::size_t size);
  Outcome flushHeld(Reactor& reactor);
  Outcome flushPipe(Reactor& reactor);
  Outcome emptyPipe(Reactor& reactor);
  /** After a call that has failed: errno says why. */
  Outcome couldNotRead();
  Outcome couldNotWrite(Reactor& reactor);
  /** `to` is full. */
  Outcome stopWriting(Reactor& reactor);
  void count(std::size_t bytes);
  void hold(const char* bytes, std::size_t size);
  void noteRead(std::size_t size, bool isFull);
  void leavePipe(Reactor& reactor);

  Side& from_;
  Side& to_;
  /** How many bytes `from` has sent, where JavaScript sees it. Nobody else writes it. */
  double& cell_;
  /** What `to` has not taken yet: `heldFrom_` to `heldTo_`. */
  std::unique_ptr<char[]> held_;
  std::uint32_t heldFrom_ = 0;
  std::uint32_t heldTo_ = 0;
  std::unique_ptr<Pipe> pipe_;
  std::size_t inPipe_ = 0;
  /** The reactor's outbox has bytes of it. */
  bool isPosted_ = false;
  /** `from` has sent its end. */
  bool sawEnd_ = false;
  bool finished_ = false;
  bool splices_ = false;
  /** Not: splice(2) has been refused for one of these sockets. */
  bool maySplice_ = true;
  /** How many reads in a row spoke for the other way of moving. */
  std::uint8_t misfits_ = 0;
};

}  // namespace sluice
