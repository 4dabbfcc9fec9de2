#include "outbox.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "direction.h"
#include "socket.h"
#include "tcp_flow.h"

namespace sluice {

namespace {
/** Who has come first must not wait for too many others. */
constexpr std::size_t kMost = 64;
/** What is larger costs more to copy than to send, and is copied best while it is in the cache. */
constexpr std::size_t kSmall = 8 * 1024;

int sendNow(int fd, std::string_view bytes) {
  const ssize_t sent = uninterrupted([&] { return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  return sent < 0 ? -errno : static_cast<int>(sent);
}
}  // namespace

Outbox::Outbox(std::size_t bytes, std::size_t readBytes)
    : bytes_(bytes), memory_(new char[bytes + readBytes]), ring_(bytes > 0 ? Ring::make(kMost) : nullptr) {
  posts_.reserve(kMost);
}

bool Outbox::takes(std::size_t size) const {
  return isOpen_ && ring_ && size <= kSmall && used_ + size <= bytes_ && posts_.size() < kMost;
}

void Outbox::post(Direction& direction, std::size_t size) {
  posts_.push_back({&direction, {buffer(), size}});
  used_ += size;
  if (posts_.size() == kMost || used_ > bytes_ / 2) hurry();
}

std::string_view Outbox::takeBack(const Direction& direction) {
  const auto found = std::ranges::find(posts_, &direction, &Post::direction);
  const std::string_view bytes = found->bytes;
  posts_.erase(found);
  return bytes;
}

void Outbox::flush(Reactor& reactor) {
  isOpen_ = isHurried_ = false;
  std::array<int, kMost> room;
  const std::span<int> results(room.data(), posts_.size());
  send(results);
  tell(reactor, results);
  posts_.clear();
  used_ = 0;
}

void Outbox::send(std::span<int> results) {
  std::ranges::fill(results, Ring::kNotSent);
  // A sole one is on its way sooner without.
  if (posts_.size() > 1 && ring_) {
    for (const Post& post : posts_) ring_->send(post.direction->target(), post.bytes);
    if (!ring_->submit(results)) ring_.reset();
  }
  for (std::size_t index = 0; index < posts_.size(); ++index) {
    const auto& [direction, bytes] = posts_[index];
    if (results[index] == Ring::kNotSent || results[index] == -EINTR) results[index] = sendNow(direction->target(), bytes);
  }
}

/** All know what has become of theirs before a flow fails, which may send the other way then. */
void Outbox::tell(Reactor& reactor, std::span<const int> results) const {
  using Outcome = Direction::Outcome;
  struct Stopped {
    Direction* direction;
    Outcome outcome;
    int error;
  };
  std::vector<Stopped> stopped;
  for (std::size_t index = 0; index < posts_.size(); ++index) {
    const auto& [direction, bytes] = posts_[index];
    const auto outcome = direction->sent(reactor, bytes, results[index]);
    if (outcome != Outcome::again && outcome != Outcome::waiting) stopped.push_back({direction, outcome, errno});
  }
  for (const auto& [direction, outcome, error] : stopped) {
    errno = error;
    direction->flow().notSent(*direction, outcome);
  }
}

}  // namespace sluice
