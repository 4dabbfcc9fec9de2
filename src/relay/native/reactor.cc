#include "reactor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace sluice {

namespace {
constexpr int kEventsPerTurn = 256;
}

Reactor::Reactor(std::size_t bufferBytes, int mostPipes, std::size_t outboxBytes)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bufferBytes_(bufferBytes),
      outbox_(outboxBytes, bufferBytes),
      pipes_(mostPipes) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  if (!add(pause_.fd(), EPOLLIN, pause_)) throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

int Reactor::turn(int timeoutMs) {
  std::array<epoll_event, kEventsPerTurn> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, isAskedAgain() ? 0 : timeoutMs);
  ++turns_;
  outbox_.open();
  // What asks again while it is called comes in the next turn.
  calling_.swap(again_);
  found_ = {events.data(), static_cast<std::size_t>(std::max(count, 0))};
  while (!found_.empty()) {
    const epoll_event event = found_.front();
    found_ = found_.subspan(1);
    if (event.data.ptr != nullptr) call(*static_cast<Source*>(event.data.ptr), event.events);
  }
  for (std::size_t index = 0; index < calling_.size(); ++index) {
    Source* const source = calling_[index];
    if (source == nullptr) continue;
    source->isAskedAgain = false;
    call(*source, 0);
  }
  calling_.clear();
  outbox_.flush(*this);
  for (std::size_t index = 0; index < last_.size(); ++index) last_[index]->ready(0);
  last_.clear();
  return std::max(count, 0);
}

void Reactor::call(Source& source, std::uint32_t events) {
  source.ready(events);
  if (!outbox_.isHurried()) return;
  outbox_.flush(*this);
  outbox_.open();
}

bool Reactor::add(int fd, std::uint32_t events, Source& source) {
  epoll_event event{events | EPOLLET, {&source}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Reactor::addLevel(int fd, std::uint32_t events, Source& source) {
  epoll_event event{events, {&source}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Reactor::modify(int fd, std::uint32_t events, Source& source) {
  epoll_event event{events | EPOLLET, {&source}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

bool Reactor::remove(int fd) { return ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0; }

void Reactor::ask(std::int32_t key, std::int32_t listener, const Address& client) {
  Event event{EventKind::udpAsked, key, listener, client.port() | (client.isV6() ? kIsV6 : 0)};
  client.copyBytes(event.address);
  told_.push_back(event);
}

void Reactor::forget(Source& source) {
  for (epoll_event& event : found_) {
    if (event.data.ptr == &source) event.data.ptr = nullptr;
  }
  source.isAskedAgain = false;
  std::erase(again_, &source);
  std::replace(calling_.begin(), calling_.end(), &source, static_cast<Source*>(nullptr));
  pause_.forget(source);
}

}  // namespace sluice
