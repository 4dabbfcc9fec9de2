#include "pipes.h"

#include <fcntl.h>

namespace sluice {

namespace {
/** The default of fs.pipe-max-size; what an unprivileged process may not have falls back to the pipe's own 64 KiB. */
constexpr int kPipeBytes = 1024 * 1024;

std::unique_ptr<Pipe> makePipe() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  auto pipe = std::make_unique<Pipe>();
  pipe->readEnd = Fd(ends[0]);
  pipe->writeEnd = Fd(ends[1]);
  int granted = ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  if (granted < 0) granted = ::fcntl(ends[1], F_GETPIPE_SZ);
  pipe->capacity = granted > 0 ? static_cast<std::size_t>(granted) : 4096;
  return pipe;
}
}  // namespace

std::unique_ptr<Pipe> Pipes::take() {
  if (!idle_.empty()) {
    auto pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  if (made_ >= most_) return nullptr;
  auto pipe = makePipe();
  if (pipe) ++made_;
  return pipe;
}

void Pipes::give(std::unique_ptr<Pipe> pipe) { idle_.push_back(std::move(pipe)); }

}  // namespace sluice
