#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fd.h"

namespace sluice {

/** A pipe(7) through which splice(2) moves bytes from socket to socket. */
struct Pipe {
  Fd readEnd;
  Fd writeEnd;
  /** How much it holds, in bytes. */
  std::size_t capacity = 0;
};

/** The pipes of one thread. A direction has one only while bytes are in it, so that few serve many. */
class Pipes {
 public:
  /** At most `most` pipes, with two descriptors each: more directions that are blocked in bulk are copied. */
  explicit Pipes(int most) : most_(most) {}

  /** An empty pipe; nullptr: there are as many as there may be, or no descriptors are left. */
  std::unique_ptr<Pipe> take();
  /** `pipe` must be empty. */
  void give(std::unique_ptr<Pipe> pipe);
  /** A pipe that was not empty has gone with its connection. */
  void lost() { --made_; }

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
  const int most_;
  int made_ = 0;
};

}  // namespace sluice
