#include "tcp_flow.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice {

namespace {
/** The lowest port that Linux gives to sockets that do not ask for one (ip(7), ip_local_port_range). */
constexpr std::uint16_t kFirstEphemeralPort = 32768;
/** What is counted. */
constexpr std::uint8_t kMostTurns = 255;
}  // namespace

TcpFlow::TcpFlow(std::int32_t slotIndex, Fd client, Cells& cells, const TcpOptions& options, Reactor& home)
    : slot(slotIndex),
      cells_(cells),
      options_(options),
      client_(*this, Party::client),
      upstream_(*this, Party::endpoint),
      up_(client_, upstream_, cells.bytesFromClient),
      down_(upstream_, client_, cells.bytesFromEndpoint),
      reactor_(&home) {
  client_.fd = std::move(client);
  client_.readable = true;
}

bool TcpFlow::watchHead() {
  watchesClient_ = reactor_->add(client_.fd.get(), kReads, client_);
  return watchesClient_;
}

ssize_t TcpFlow::peek(char* to, std::size_t size) const {
  return uninterrupted([&] { return ::recv(client_.fd.get(), to, size, MSG_PEEK); });
}

bool TcpFlow::drop(std::size_t size) const {
  const ssize_t dropped = uninterrupted([&] { return ::recv(client_.fd.get(), nullptr, size, MSG_TRUNC); });
  return dropped == static_cast<ssize_t>(size);
}

int TcpFlow::dial(Reactor& home, const Place& place, const Address& endpoint, const Address& source,
                  std::string_view header) {
  // Whoever dials has not been told yet.
  if (state_ == State::closed) return 0;
  place_ = place;
  state_ = State::dialing;
  if (readFirst(header) == Direction::Outcome::fromFailed) {
    broke(errno, Party::client);
    return 0;
  }
  int failure = open(endpoint, source);
  if (isSourceTaken(failure) && source.port() != 0) failure = open(endpoint, source.withoutPort());
  if (failure == EINPROGRESS) {
    watchesUpstream_ = home.add(upstream_.fd.get(), kReads | EPOLLOUT, upstream_);
    if (watchesUpstream_) return 0;
    failure = errno;
  }
  if (failure == 0 && endpoint.port() >= kFirstEphemeralPort && isConnectedToItself(upstream_.fd.get())) {
    failure = ECONNREFUSED;
  }
  if (failure != 0) {
    giveUp();
    return -failure;
  }
  relay();
  return 1;
}

/** What the client has sent already leaves with the handshake, behind the header. */
Direction::Outcome TcpFlow::readFirst(std::string_view header) {
  if (hasReadFirst_) return Direction::Outcome::again;
  hasReadFirst_ = true;
  if (watchesClient_ && reactor_->remove(client_.fd.get())) watchesClient_ = false;
  const auto outcome = up_.readEarly(*reactor_);
  if (!header.empty()) up_.prepend(header.data(), header.size());
  return outcome;
}

/** Like `connect`, with a new socket. */
int TcpFlow::open(const Address& endpoint, const Address& source) {
  upstream_.fd = openSocket(endpoint.family(), SOCK_STREAM);
  if (!upstream_.fd) return errno;
  upstream_.wantsNoDelay = options_.noDelay;
  const int failure = setOrigin(upstream_.fd.get(), endpoint.family(), {options_.mark, source});
  return failure == 0 ? connect(endpoint) : failure;
}

/** EINPROGRESS: it is under way. 0: the endpoint has answered already, as on a near network it does while we ask. */
int TcpFlow::connect(const Address& endpoint) {
  const int fd = upstream_.fd.get();
  // The handshake's last acknowledgement waits for the first bytes, and leaves with them (tcp(7), TCP_QUICKACK).
  if (up_.holdsBytes()) setOption(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
  if (::connect(fd, endpoint.get(), endpoint.size()) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!up_.holdsBytes()) {
    if (::connect(fd, endpoint.get(), endpoint.size()) == 0) return 0;
    return errno == EALREADY ? EINPROGRESS : errno;
  }
  if (up_.flush(*reactor_) == Direction::Outcome::toFailed) return errno == EPIPE ? ECONNRESET : errno;
  return upstream_.hasWritten ? 0 : EINPROGRESS;
}

void TcpFlow::giveUp() {
  if (state_ != State::dialing) return;
  if (upstream_.fd) resetOnClose(upstream_.fd.get());
  upstream_.fd.reset();
  watchesUpstream_ = false;
  upstream_.hasWritten = false;
}

/** The socket that was being connected has something to tell. */
void TcpFlow::dialed() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(upstream_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0 && isConnectedToItself(upstream_.fd.get())) error = ECONNREFUSED;
  if (error == 0) {
    reactor_->tell(EventKind::connected, slot);
    relay();
    return;
  }
  giveUp();
  reactor_->tell(EventKind::connectFailed, slot, error);
}

/** The endpoint has answered. */
void TcpFlow::relay() {
  state_ = State::relaying;
  if (shouldMove()) {
    move();
    return;
  }
  if (!watchesUpstream_) watchesUpstream_ = reactor_->add(upstream_.fd.get(), kReads, upstream_);
  if (watchesUpstream_) start();
  else broke(errno, Party::sluice);
}

/**
 * From here on the flow belongs to a thread. Short connections come here only if home is busy: two threads would cost them
 * more than they have to do.
 */
void TcpFlow::move() {
  Reactor& here = *reactor_;
  up_.takeBack(here);
  down_.takeBack(here);
  // Two threads must never be called for one flow.
  const bool isOff = !watchesClient_ || here.remove(client_.fd.get());
  if (!isOff || (watchesUpstream_ && !here.remove(upstream_.fd.get()))) {
    broke(errno, Party::sluice);
    return;
  }
  here.forget(client_);
  here.forget(upstream_);
  watchesClient_ = false;
  watchesUpstream_ = true;
  reactor_ = place_.reactor;
  isAtHome_ = false;
  // The first event, that it can be written to, comes at once and starts the rest there. Nothing may be touched after it.
  if (place_.reactor->add(upstream_.fd.get(), kReads | EPOLLOUT, upstream_)) return;
  reactor_ = &here;
  isAtHome_ = true;
  broke(errno, Party::sluice);
}

void TcpFlow::start() {
  const std::uint32_t writes = client_.watchesWrites ? std::uint32_t{EPOLLOUT} : 0;
  watchesClient_ = reactor_->add(client_.fd.get(), kReads | writes, client_);
  if (watchesClient_) pump(up_);
  else broke(errno, Party::sluice);
}

void Side::ready(std::uint32_t events) { flow.ready(*this, events); }

void Side::note(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (broken || (events & kReads) != 0) readable = true;
  readsOn = broken || (events & EPOLLPRI) != 0;
  lastBytes = (events & EPOLLRDHUP) != 0 && !broken;
}

void TcpFlow::ready(Side& side, std::uint32_t events) {
  if (state_ == State::closed) return;
  if (state_ == State::dialing) {
    if (&side == &upstream_ && side.fd) dialed();
    return;
  }
  if (state_ == State::accepted) {
    reactor_->tell(EventKind::head, slot, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ? 1 : 0);
    return;
  }
  if (!watchesClient_) start();
  if (state_ == State::closed) return;
  // A call that was asked for tells nothing new.
  if (events != 0) side.note(events);
  Direction& from = &side == &client_ ? up_ : down_;
  Direction& to = &side == &client_ ? down_ : up_;
  if (!from.isFinished()) pump(from);
  if (state_ != State::closed && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && !to.isFinished()) pump(to);
  if (state_ != State::relaying || !isAtHome_) return;
  if (turns_ < kMostTurns) ++turns_;
  if (shouldMove()) move();
}

/** A flow that goes on is relayed by its thread, and by no pipe of this one. */
bool TcpFlow::shouldMove() const {
  return isAtHome_ && place_.reactor != reactor_ && turns_ >= place_.turnsAtHome && !up_.hasPipe() && !down_.hasPipe();
}

void TcpFlow::act(Direction& direction, Direction::Outcome outcome) {
  Side& from = &direction == &up_ ? client_ : upstream_;
  Side& to = &direction == &up_ ? upstream_ : client_;
  switch (outcome) {
    case Direction::Outcome::waiting:
      return;
    case Direction::Outcome::again:
      reactor_->again(from);
      return;
    case Direction::Outcome::later:
      reactor_->later(from);
      return;
    case Direction::Outcome::finished:
      finish(direction);
      return;
    case Direction::Outcome::fromFailed:
      fail(direction, from);
      return;
    case Direction::Outcome::toFailed:
      fail(direction, to);
      return;
  }
}

/** Passes on that one side has finished. Once both have, closing says so as well as shutdown(2) would. */
void TcpFlow::finish(Direction& direction) {
  const bool isUp = &direction == &up_;
  if (firstEnd_ == Party::none) {
    firstEnd_ = isUp ? Party::client : Party::endpoint;
    publish(cells_.state, static_cast<double>(firstEnd_));
  }
  if ((isUp ? down_ : up_).isFinished()) close(Ending::closed, firstEnd_);
  else ::shutdown((isUp ? upstream_ : client_).fd.get(), SHUT_WR);
}

/** `side` is broken. What it had sent before still goes to the other side, as far as that takes it. */
void TcpFlow::fail(Direction& direction, Side& side) {
  const int error = errno;
  Direction& back = &direction == &up_ ? down_ : up_;
  const bool couldNotWrite = &side == (&direction == &up_ ? &upstream_ : &client_);
  if (couldNotWrite && !back.isFinished()) back.pump(*reactor_);
  broke(error, side.party);
}

/** A socket of `party` has failed with `error`, an errno. */
void TcpFlow::broke(int error, Party party) {
  publish(cells_.lastActiveMs, error);
  close(isReset(error) ? Ending::reset : Ending::error, party);
}

void TcpFlow::abort() {
  if (state_ != State::closed) close(Ending::aborted, Party::sluice);
}

void TcpFlow::close(Ending ending, Party party) {
  up_.settle(*reactor_);
  down_.settle(*reactor_);
  state_ = State::closed;
  if (options_.measures) measure();
  for (Side* side : {&client_, &upstream_}) {
    if (!side->fd) continue;
    if (ending != Ending::closed) resetOnClose(side->fd.get());
    side->fd.reset();
    reactor_->forget(*side);
  }
  up_.close(*reactor_);
  down_.close(*reactor_);
  reactor_->tell(EventKind::closed, slot, static_cast<std::int32_t>(ending), static_cast<std::int32_t>(party));
}

/** Leaves the round trip to the client, and what was sent again to either side, for the access log (tcp(7), TCP_INFO). */
void TcpFlow::measure() {
  double retransmits = 0;
  for (Side* side : {&client_, &upstream_}) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (!side->fd || ::getsockopt(side->fd.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
    retransmits += info.tcpi_total_retrans;
    if (side == &client_) publish(cells_.datagramsFromClient, info.tcpi_rtt);
  }
  publish(cells_.datagramsFromEndpoint, retransmits);
}

void TcpFlow::keepAlive(int idleSeconds, int userTimeoutMs) {
  if (state_ != State::relaying) return;
  for (Side* side : {&client_, &upstream_}) sluice::keepAlive(side->fd.get(), idleSeconds, userTimeoutMs);
}

}  // namespace sluice
