#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "event.h"
#include "fd.h"
#include "outbox.h"
#include "pause.h"
#include "pipes.h"
#include "socket.h"
#include "source.h"

namespace sluice {

/**
 * One epoll(7) and what the sources it calls have in common: a buffer to read into, what of it is to be sent, pipes, and the
 * events that they tell. It belongs to one thread; `add` alone may be called from another.
 */
class Reactor {
 public:
  /** `outboxBytes`: see `Outbox`. */
  Reactor(std::size_t bufferBytes, int mostPipes, std::size_t outboxBytes);

  int fd() const { return epoll_.get(); }

  /** Handles what is ready, waiting at most `timeoutMs` for it (-1: as long as it takes). Returns how many there were. */
  int turn(int timeoutMs);

  /** Edge-triggered. False: errno says why. */
  bool add(int fd, std::uint32_t events, Source& source);
  /** Level-triggered. */
  bool addLevel(int fd, std::uint32_t events, Source& source);
  bool modify(int fd, std::uint32_t events, Source& source);
  /** False: it is watched still. */
  bool remove(int fd);

  /** Calls `source` once more after the others have had their turn, however often it is asked for before. */
  void again(Source& source) {
    if (!std::exchange(source.isAskedAgain, true)) again_.push_back(&source);
  }
  /** Calls `source` when all others have had their turn: in this one, or if none is under way in the next. */
  void last(Source& source) { last_.push_back(&source); }
  /** Calls `source` in a moment, once, while others have their turns. */
  void later(Source& source) { pause_.add(source); }
  bool isAskedAgain() const { return !again_.empty() || !last_.empty(); }
  /** `source` is not called any more, not even for what this turn has found already: it may belong to another thread now. */
  void forget(Source& source);

  void tell(EventKind kind, std::int32_t slot, std::int32_t first = 0, std::int32_t second = 0) {
    told_.push_back({kind, slot, first, second});
  }
  /** Tells `udpAsked`. */
  void ask(std::int32_t key, std::int32_t listener, const Address& client);
  std::vector<Event>& told() { return told_; }

  /** How many turns there were. */
  std::uint64_t turns() const { return turns_; }

  char* buffer() { return outbox_.buffer(); }
  std::size_t bufferBytes() const { return bufferBytes_; }
  Outbox& outbox() { return outbox_; }
  Pipes& pipes() { return pipes_; }

 private:
  void call(Source& source, std::uint32_t events);

  Fd epoll_;
  std::size_t bufferBytes_;
  Outbox outbox_;
  Pipes pipes_;
  /** What the present turn has found and not handled yet. */
  std::span<epoll_event> found_;
  std::vector<Source*> again_;
  std::vector<Source*> calling_;
  std::vector<Source*> last_;
  Pause pause_;
  std::vector<Event> told_;
  std::uint64_t turns_ = 0;
};

}  // namespace sluice
