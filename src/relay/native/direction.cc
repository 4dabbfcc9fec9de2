#include "direction.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cells.h"
#include "socket.h"

namespace sluice {

namespace {
/** The share of a turn, in full reads: a fast stream must not keep the others waiting. */
constexpr std::size_t kReadsPerTurn = 64;
/** This many full reads in a row are a bulk stream. */
constexpr int kBulkAfter = 2;
/** This many splices in a row of less than `kSmallSplice` are none any more. */
constexpr int kSmallAfter = 16;
constexpr std::size_t kSmallSplice = 8 * 1024;

/** Whether splice(2) has failed with `error` although the connection is well: no memory, or it may not be used here. */
bool isOfSplicing(int error) {
  return isShortage(error) || error == EINVAL || error == ENOSYS || error == EPERM || error == EACCES;
}
}  // namespace

Direction::Outcome Direction::pump(Reactor& reactor) {
  std::size_t moved = 0;
  for (;;) {
    if (isPosted_ || holdsBytes() || inPipe_ > 0) {
      const auto outcome = flush(reactor);
      if (outcome != Outcome::finished) return outcome;
    }
    if (sawEnd_) {
      finished_ = true;
      close(reactor);
      return Outcome::finished;
    }
    if (!from_.readable) {
      leavePipe(reactor);
      return Outcome::waiting;
    }
    if (moved > reactor.bufferBytes()) reactor.outbox().hurry();
    if (moved >= kReadsPerTurn * reactor.bufferBytes()) return Outcome::again;
    const auto outcome = splices_ ? spliceOnce(reactor, moved) : copyOnce(reactor, moved);
    if (outcome != Outcome::again) return outcome;
  }
}

Direction::Outcome Direction::copyOnce(Reactor& reactor, std::size_t& moved) {
  const ssize_t size = read(reactor);
  if (size < 0) return couldNotRead();
  if (size == 0) {
    sawEnd_ = true;
    return Outcome::again;
  }
  const auto bytes = static_cast<std::size_t>(size);
  moved += bytes;
  noteRead(bytes, bytes == reactor.bufferBytes());
  if (mayPost(reactor, bytes)) return post(reactor, bytes);
  return wrote(reactor, {reactor.buffer(), bytes}, write(reactor.buffer(), bytes));
}

/** What is read is all that there is for now. The end of a stream does not wait: what closes it comes next. */
bool Direction::mayPost(Reactor& reactor, std::size_t size) const {
  return !from_.readable && !sawEnd_ && reactor.outbox().takes(size);
}

Direction::Outcome Direction::post(Reactor& reactor, std::size_t size) {
  setNoDelay();
  reactor.outbox().post(*this, size);
  isPosted_ = true;
  return Outcome::waiting;
}

Direction::Outcome Direction::sent(Reactor& reactor, std::string_view bytes, int result) {
  isPosted_ = false;
  if (result >= 0) to_.hasWritten = true;
  else errno = -result;
  return wrote(reactor, bytes, std::max(result, -1));
}

void Direction::takeBack(Reactor& reactor) {
  if (!isPosted_) return;
  isPosted_ = false;
  const std::string_view bytes = reactor.outbox().takeBack(*this);
  hold(bytes.data(), bytes.size());
}

/** `to` has taken `sent` of `bytes`, or none: -1, errno says why. `again`: that was all. */
Direction::Outcome Direction::wrote(Reactor& reactor, std::string_view bytes, ssize_t sent) {
  if (sent == static_cast<ssize_t>(bytes.size())) return Outcome::again;
  const auto outcome = sent < 0 ? couldNotWrite(reactor) : stopWriting(reactor);
  if (outcome == Outcome::toFailed) return outcome;
  if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  hold(bytes.data(), bytes.size());
  return outcome;
}

Direction::Outcome Direction::spliceOnce(Reactor& reactor, std::size_t& moved) {
  if (!pipe_) pipe_ = reactor.pipes().take();
  if (!pipe_) {
    splices_ = false;
    return Outcome::again;
  }
  const ssize_t size = splice(from_.fd, pipe_->writeEnd, pipe_->capacity);
  if (size < 0) return readInstead(reactor, moved);
  if (size == 0) {
    sawEnd_ = true;
    return Outcome::again;
  }
  const auto bytes = static_cast<std::size_t>(size);
  inPipe_ += bytes;
  moved += bytes;
  count(bytes);
  misfits_ = bytes < kSmallSplice ? misfits_ + 1 : 0;
  const auto outcome = flushPipe(reactor);
  if (outcome != Outcome::finished) return outcome;
  if (misfits_ >= kSmallAfter) {
    splices_ = false;
    misfits_ = 0;
    leavePipe(reactor);
  }
  return Outcome::again;
}

/** splice(2) has brought nothing. EAGAIN may mean that it had no page: reading says whether there is something. */
Direction::Outcome Direction::readInstead(Reactor& reactor, std::size_t& moved) {
  if (isOfSplicing(errno)) mayNotSplice();
  else if (errno != EAGAIN) return Outcome::fromFailed;
  leavePipe(reactor);
  return copyOnce(reactor, moved);
}

void Direction::mayNotSplice() {
  splices_ = false;
  maySplice_ = false;
}

/** Notes what a read says: whether this is bulk, whether more can be read, whether that was the end. */
void Direction::noteRead(std::size_t size, bool isFull) {
  count(size);
  misfits_ = isFull ? misfits_ + 1 : 0;
  if (misfits_ >= kBulkAfter && maySplice_) {
    splices_ = true;
    misfits_ = 0;
  }
  // A short read has emptied the socket: what comes later brings an event of its own.
  if (isFull || from_.readsOn) return;
  if (from_.lastBytes) sawEnd_ = true;
  else from_.readable = false;
}

Direction::Outcome Direction::readEarly(Reactor& reactor) {
  const ssize_t size = read(reactor);
  if (size < 0) return couldNotRead();
  if (size == 0) {
    sawEnd_ = true;
    return Outcome::finished;
  }
  noteRead(static_cast<std::size_t>(size), static_cast<std::size_t>(size) == reactor.bufferBytes());
  hold(reactor.buffer(), static_cast<std::size_t>(size));
  return Outcome::again;
}

ssize_t Direction::read(Reactor& reactor) {
  return uninterrupted([&] { return ::recv(from_.fd.get(), reactor.buffer(), reactor.bufferBytes(), 0); });
}

ssize_t Direction::splice(const Fd& from, const Fd& to, std::size_t size) {
  return uninterrupted(
      [&] { return ::splice(from.get(), nullptr, to.get(), nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK); });
}

void Direction::setNoDelay() {
  if (!to_.hasWritten || !to_.wantsNoDelay) return;
  setOption(to_.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  to_.wantsNoDelay = false;
}

ssize_t Direction::write(const char* bytes, std::size_t size) {
  setNoDelay();
  // The end follows: it leaves in the same segment.
  const int more = sawEnd_ ? MSG_MORE : 0;
  const ssize_t sent = uninterrupted([&] { return ::send(to_.fd.get(), bytes, size, MSG_NOSIGNAL | more); });
  if (sent >= 0) to_.hasWritten = true;
  return sent;
}

Direction::Outcome Direction::flush(Reactor& reactor) {
  takeBack(reactor);
  if (holdsBytes()) {
    const auto outcome = flushHeld(reactor);
    if (outcome != Outcome::finished) return outcome;
  }
  return flushPipe(reactor);
}

Direction::Outcome Direction::flushHeld(Reactor& reactor) {
  const ssize_t sent = write(held_.get() + heldFrom_, heldTo_ - heldFrom_);
  if (sent < 0) return couldNotWrite(reactor);
  heldFrom_ += static_cast<std::uint32_t>(sent);
  if (holdsBytes()) return stopWriting(reactor);
  held_.reset();
  heldFrom_ = heldTo_ = 0;
  return Outcome::finished;
}

Direction::Outcome Direction::flushPipe(Reactor& reactor) {
  while (inPipe_ > 0) {
    const ssize_t sent = splice(pipe_->readEnd, to_.fd, inPipe_);
    if (sent < 0 && isOfSplicing(errno)) return emptyPipe(reactor);
    if (sent < 0 && errno != EAGAIN) return Outcome::toFailed;
    if (sent <= 0) return stopWriting(reactor);
    to_.hasWritten = true;
    inPipe_ -= static_cast<std::size_t>(sent);
  }
  return Outcome::finished;
}

/** What splice(2) does not take from the pipe is read from it, and written. */
Direction::Outcome Direction::emptyPipe(Reactor& reactor) {
  mayNotSplice();
  while (inPipe_ > 0) {
    const ssize_t size = ::read(pipe_->readEnd.get(), reactor.buffer(), std::min(reactor.bufferBytes(), inPipe_));
    if (size <= 0) return Outcome::toFailed;
    inPipe_ -= static_cast<std::size_t>(size);
    hold(reactor.buffer(), static_cast<std::size_t>(size));
    const auto outcome = flushHeld(reactor);
    if (outcome != Outcome::finished) return outcome;
  }
  return Outcome::finished;
}

Direction::Outcome Direction::couldNotRead() {
  if (isShortage(errno)) return Outcome::later;
  if (errno != EAGAIN) return Outcome::fromFailed;
  from_.readable = false;
  return Outcome::again;
}

Direction::Outcome Direction::couldNotWrite(Reactor& reactor) {
  if (errno == EAGAIN) return stopWriting(reactor);
  return isShortage(errno) ? Outcome::later : Outcome::toFailed;
}

Direction::Outcome Direction::stopWriting(Reactor& reactor) {
  to_.watchesWrites = true;
  // ENOENT: a socket that is being connected; it is watched for this when it is watched.
  const bool isWatched = reactor.modify(to_.fd.get(), kReads | EPOLLOUT, to_) || errno == ENOENT;
  return isWatched ? Outcome::waiting : Outcome::toFailed;
}

void Direction::count(std::size_t bytes) {
  publish(cell_, cell_ + static_cast<double>(bytes));
}

void Direction::prepend(const char* bytes, std::size_t size) {
  const std::size_t behind = heldTo_ - heldFrom_;
  auto all = std::make_unique_for_overwrite<char[]>(size + behind);
  std::memcpy(all.get(), bytes, size);
  if (behind > 0) std::memcpy(all.get() + size, held_.get() + heldFrom_, behind);
  held_ = std::move(all);
  heldFrom_ = 0;
  heldTo_ = static_cast<std::uint32_t>(size + behind);
}

void Direction::hold(const char* bytes, std::size_t size) {
  held_ = std::make_unique_for_overwrite<char[]>(size);
  std::memcpy(held_.get(), bytes, size);
  heldFrom_ = 0;
  heldTo_ = static_cast<std::uint32_t>(size);
}

void Direction::leavePipe(Reactor& reactor) {
  if (pipe_ && inPipe_ == 0) reactor.pipes().give(std::move(pipe_));
}

void Direction::close(Reactor& reactor) {
  leavePipe(reactor);
  if (pipe_) reactor.pipes().lost();
  pipe_.reset();
  held_.reset();
  inPipe_ = 0;
  heldFrom_ = heldTo_ = 0;
}

}  // namespace sluice
