#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ring.h"

namespace sluice {

class Direction;
class Reactor;

/**
 * What small TCP traffic a turn has received and not sent yet: the bytes, received into one piece of memory, and where they go.
 * When the turn ends they leave together by one call of io_uring(7). Beside the calls that saves being interrupted after each
 * of them by whoever it has woken. Where there is no io_uring each send is a call of its own, at once.
 */
class Outbox {
 public:
  /** `bytes`: room for what waits; 0: nothing does. `readBytes`: the size of one read. */
  Outbox(std::size_t bytes, std::size_t readBytes);

  /** Where the next read goes. */
  char* buffer() { return memory_.get() + used_; }

  /** From here on things wait. */
  void open() { isOpen_ = true; }
  /** Whether `size` bytes at `buffer` can wait. */
  bool takes(std::size_t size) const;
  /** What has been read last is sent to where `direction` leads when the turn ends. */
  void post(Direction& direction, std::size_t size);
  /** Forgets what waits for `direction`, which sends it itself before anything else is read. */
  std::string_view takeBack(const Direction& direction);
  /** What waits need not wait for the end of the turn: it is much, or somebody takes long. */
  void hurry() { isHurried_ = true; }
  bool isHurried() const { return isHurried_; }
  /** Sends what waits, and tells each direction what has become of it. Nothing waits any more before `open`. */
  void flush(Reactor& reactor);

 private:
  struct Post {
    Direction* direction;
    std::string_view bytes;
  };

  void send(std::span<int> results);
  void tell(Reactor& reactor, std::span<const int> results) const;

  const std::size_t bytes_;
  std::unique_ptr<char[]> memory_;
  std::size_t used_ = 0;
  std::vector<Post> posts_;
  bool isOpen_ = false;
  bool isHurried_ = false;
  std::unique_ptr<Ring> ring_;
};

}  // namespace sluice
