#include "udp_session.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "oneway_socket.h"
#include "udp_listener.h"

namespace sluice {

namespace {
/** An endpoint that has not replied counts as reached if this long after the first datagram no ICMP error has come. */
constexpr double kAssumeReachedMs = 1000;
/** With this many datagrams both ways together, replies among them, a session is established. */
constexpr unsigned kEstablishedDatagrams = 3;
/** After so many turns in a row with a reply a session gets up to `kMostReplies` a turn. */
constexpr std::uint32_t kBusyTurns = 4;
constexpr unsigned kMostReplies = 32;

/** A cell that only this thread writes. */
void add(double& cell, double more) { publish(cell, cell + more); }
}  // namespace

Loss lossOf(int error) {
  if (error == EMSGSIZE) return Loss::tooLarge;
  const bool isFull = error == EAGAIN || error == ENOBUFS || error == ENOMEM;
  return isFull ? Loss::bufferFull : Loss::sendError;
}

bool isOfEndpoint(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN;
}

UdpSession::UdpSession(UdpListener& listener, const UdpOwner& owner)
    : listener_(listener),
      peer_(owner.peer),
      named_(owner.named == nullptr ? nullptr : std::make_unique<const Address>(*owner.named)),
      hash_(owner.hash),
      held_(listener.udp().heldBytes),
      segmentLimit_(listener.segments()),
      replyLimit_(listener.segments()) {}

UdpSession::~UdpSession() = default;

bool UdpSession::isOf(const UdpOwner& owner) const {
  if (!(peer_ == owner.peer) || isProxied() != (owner.named != nullptr)) return false;
  return !isProxied() || *named_ == *owner.named;
}

void UdpSession::admit(std::int32_t slot, Cells& cells) {
  slot_ = slot;
  cells_ = &cells;
  activities_ = static_cast<std::uint8_t>(std::min<std::size_t>(held_.count(), kEstablishedDatagrams));
}

void UdpSession::receive(std::string_view datagram) {
  if (isAdmitted()) active(1);
  if (!isOpen()) {
    if (!held_.add(datagram)) listener_.drop(Loss::bufferFull);
    return;
  }
  if (!toldReached_ && listener_.udp().now() - dialledMs_ >= kAssumeReachedMs) tellReached(false);
  held_.replace(datagram);
  if (prefix_.empty()) listener_.udp().sends.add(*this, datagram);
  else send(datagram);
}

void UdpSession::dial(const Address& endpoint, const Address& source, std::string_view prefix,
                      std::shared_ptr<OnewaySocket> shared) {
  leave();
  dialledMs_ = listener_.udp().clock().now();
  prefix_ = prefix;
  segmentLimit_ = listener_.segments();
  knowsWay_ = false;
  oneway_ = std::move(shared);
  const int failure = oneway_ ? oneway_->failure() : open(endpoint, source);
  if (failure != 0) {
    fail(failure);
    return;
  }
  sendHeld();
}

/** The last one stays until it is answered; after a failure what was to be sent then, and all behind it. */
void UdpSession::sendHeld() {
  std::size_t sent = 0;
  while (isOpen() && sent < held_.count()) send(held_[sent++]);
  if (sent > 0) held_.dropFirst(sent - 1);
}

/** A connected socket: the kernel lets in only what comes from `endpoint`, and tells of its ICMP errors (udp(7)). */
int UdpSession::open(const Address& endpoint, const Address& source) {
  fd_ = openUdp(endpoint, listener_.buffers(), {listener_.mark(), source});
  if (!fd_) return errno;
  receiveTrains(fd_.get());
  // Level-triggered: one datagram a turn, which mostly is all that there is, takes one call.
  return listener_.udp().reactor.addLevel(fd_.get(), EPOLLIN, *this) ? 0 : errno;
}

int UdpSession::socket() const { return oneway_ ? oneway_->fd() : fd_.get(); }

/** The way is looked at when a session has a burst for the first time: most never have. */
SegmentLimit& UdpSession::segmentLimit() {
  if (!knowsWay_) segmentLimit_.narrowToWayOf(socket());
  knowsWay_ = true;
  return segmentLimit_;
}

void UdpSession::send(std::string_view datagram) {
  if (!isOpen()) return;
  std::array<iovec, 2> pieces{{{prefix_.data(), prefix_.size()},
                               {const_cast<char*>(datagram.data()), datagram.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const ssize_t result = uninterrupted([&] { return ::sendmsg(socket(), &message, 0); });
  sent(datagram, result < 0 ? -errno : result);
}

void UdpSession::sent(std::string_view datagram, long result) {
  const int error = result < 0 ? static_cast<int>(-result) : 0;
  if (error == 0) {
    add(cells_->datagramsFromClient, 1);
    add(cells_->bytesFromClient, static_cast<double>(datagram.size()));
  } else if (!isOfEndpoint(error)) {
    listener_.drop(lossOf(error));
  } else if (oneway_) {
    oneway_->fail(error);
  } else if (fd_) {
    fail(error);
  }
}

/** Mostly one reply is all that there is. Whoever has said something in each of the last turns is listened to for longer. */
void UdpSession::ready(std::uint32_t) {
  const auto turn = static_cast<std::uint32_t>(listener_.udp().reactor.turns());
  busyTurns_ = turn == readTurn_ + 1 ? busyTurns_ + 1 : 0;
  readTurn_ = turn;
  unsigned replies = 0;
  const unsigned most = busyTurns_ >= kBusyTurns ? kMostReplies : 1;
  for (unsigned more = 1; more > 0 && replies < most; replies += more) more = receiveReplies();
  if (most > 1 && replies <= 1) busyTurns_ = 0;
}

/** One, or a train of them. Returns how many; 0: there is none. */
unsigned UdpSession::receiveReplies() {
  if (!fd_) return 0;
  auto& replies = listener_.udp().replies();
  const auto [size, segmentSize] = receiveTrain(fd_.get(), replies.room(), kMostDatagramBytes);
  if (size < 0) {
    if (isOfEndpoint(errno)) fail(errno);
    return 0;
  }
  const unsigned count = replies.add(*this, static_cast<std::size_t>(size), segmentSize);
  hasReplied_ = true;
  active(count);
  if (!toldReached_) tellReached(true);
  held_.clear();
  return count;
}

void UdpSession::active(unsigned datagrams) {
  publish(cells_->lastActiveMs, listener_.udp().now());
  activities_ = static_cast<std::uint8_t>(std::min(activities_ + datagrams, kEstablishedDatagrams));
  if (hasReplied_ && activities_ >= kEstablishedDatagrams) publish(cells_->state, 1);
}

void UdpSession::tellReached(bool hasReplied) {
  toldReached_ = true;
  listener_.udp().reactor.tell(EventKind::udpReached, slot_, hasReplied ? 1 : 0);
}

void UdpSession::fail(int error) {
  leave();
  listener_.udp().reactor.tell(EventKind::udpFailed, slot_, error);
}

void UdpSession::leave() {
  fd_.reset();
  if (oneway_) listener_.udp().bury(std::move(oneway_));
}

void UdpSession::countReply(std::size_t bytes) {
  if (cells_ == nullptr) return;
  add(cells_->datagramsFromEndpoint, 1);
  add(cells_->bytesFromEndpoint, static_cast<double>(bytes));
}

}  // namespace sluice
