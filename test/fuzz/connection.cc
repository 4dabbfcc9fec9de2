#include "connection.h"

#include <cstring>

namespace fuzz {

using sluice::Address;
using sluice::Engine;

namespace {
void demand(bool isSo, const char* what) {
  if (!isSo) throw std::runtime_error(what);
}
}  // namespace

sluice::Fd bound(Address& address) {
  constexpr std::uint8_t loopback[4] = {127, 0, 0, 1};
  address = Address(loopback, false, 0);
  sluice::Fd fd = sluice::openSocket(AF_INET, SOCK_STREAM);
  socklen_t size = Address::room;
  demand(::bind(fd.get(), address.get(), address.size()) == 0 && ::getsockname(fd.get(), address.get(), &size) == 0, "bind");
  return fd;
}

Connection::Connection(Dice& dice, const Address& frontend, const Traps& traps)
    : plan_(dice),
      traps_(traps),
      client_({dice(), plan_.up}, {dice(), plan_.down}),
      endpoint_(client_.mirrored()),
      listener_(bound(endpointAddress_)) {
  for (std::size_t index = 0; index < plan_.headerBytes; ++index) endpoint_.head += static_cast<char>(dice());
  size(listener_.get());
  demand(::listen(listener_.get(), 1) == 0, "listen");
  client_.fd = sluice::openSocket(AF_INET, SOCK_STREAM);
  size(client_.fd.get());
  while (::connect(client_.fd.get(), frontend.get(), frontend.size()) != 0 && errno != EISCONN) {
    demand(errno == EINPROGRESS || errno == EALREADY, "connect");
  }
  Address local;
  socklen_t room = Address::room;
  ::getsockname(client_.fd.get(), local.get(), &room);
  port_ = local.port();
}

void Connection::size(int fd) const {
  if (plan_.bufferBytes == 0) return;
  sluice::setOption(fd, SOL_SOCKET, SO_SNDBUF, plan_.bufferBytes);
  sluice::setOption(fd, SOL_SOCKET, SO_RCVBUF, plan_.bufferBytes);
  // Segments as long as loopback's would not fit, and wait for the timer that probes the window.
  sluice::setOption(fd, IPPROTO_TCP, TCP_MAXSEG, 1'000);
}

void Connection::accepted(Engine& engine, std::int32_t slot) {
  demand(slot_ < 0, "accepted twice");
  slot_ = slot;
  if (plan_.peeks == 0) dial(engine);
  else demand(engine.flow(slot)->watchHead(), "watchHead");
}

void Connection::head(Engine& engine, bool isLast) {
  std::array<char, 50> bytes;
  const ssize_t seen = engine.flow(slot_)->peek(bytes.data(), plan_.peeks);
  if (seen < 0 && errno == EAGAIN) return;
  // As JavaScript does: what has no header is no client.
  if (seen <= 0) return abort(engine);
  if (static_cast<std::size_t>(seen) < plan_.peeks && !isLast) return;
  endpoint_.skips = static_cast<std::size_t>(seen);
  engine.flow(slot_)->drop(endpoint_.skips);
  dial(engine);
}

const Address& Connection::target() {
  if (plan_.refusals-- > 0) return traps_.refuses;
  isStalled_ = plan_.stalls-- > 0;
  return isStalled_ ? traps_.stalls : endpointAddress_;
}

void Connection::dial(Engine& engine) {
  for (;;) {
    const Address& to = target();
    const int result = engine.dial(slot_, to, {}, endpoint_.head);
    if (result >= 0) return;
    demand(result == -ECONNREFUSED && &to == &traps_.refuses, ("an endpoint that is there cannot be dialled: " + std::to_string(result)).c_str());
  }
}

void Connection::redial(Engine& engine) {
  isStalled_ = false;
  engine.flow(slot_)->giveUp();
  dial(engine);
}

void Connection::connectFailed(Engine& engine) { dial(engine); }

void Connection::closed(sluice::Ending ending, const sluice::Cells& cells) {
  demand(!isClosed_, "closed twice");
  isClosed_ = true;
  ending_ = ending;
  bytesFromClient_ = cells.bytesFromClient;
  bytesFromEndpoint_ = cells.bytesFromEndpoint;
}

bool Connection::act(Dice& dice, Engine& engine) {
  if (acceptEndpoint()) return true;
  if (!isClosed_ && slot_ >= 0 && hurry(dice, engine)) return true;
  return moveBytes(dice);
}

bool Connection::acceptEndpoint() {
  if (endpoint_.fd || !listener_) return false;
  endpoint_.fd = sluice::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return bool{endpoint_.fd};
}

/** What JavaScript does to a flow beside moving it on. */
bool Connection::hurry(Dice& dice, Engine& engine) {
  if (isStalled_ && oneIn(dice, 10)) {
    redial(engine);
    return true;
  }
  if (oneIn(dice, 100)) engine.command(slot_, [](sluice::TcpFlow& flow) { flow.keepAlive(60, 60'000); });
  if (!plan_.breaks || !oneIn(dice, 40)) return false;
  breakOff(dice, engine);
  return true;
}

void Connection::breakOff(Dice& dice, Engine& engine) {
  plan_.breaks = false;
  isBroken_ = true;
  if (oneIn(dice, 3)) client_.reset();
  else if (endpoint_.fd && oneIn(dice, 2)) endpoint_.reset();
  else abort(engine);
}

void Connection::abort(Engine& engine) {
  isBroken_ = true;
  engine.command(slot_, [](sluice::TcpFlow& flow) { flow.abort(); });
  // A deadline may pass before that is told.
  if (isStalled_) redial(engine);
}

bool Connection::moveBytes(Dice& dice) {
  const bool isClient = oneIn(dice, 2);
  Peer& peer = isClient ? client_ : endpoint_;
  const std::size_t most = 1 + dice() % (std::size_t{1} << dice() % 18);
  const bool reads = !(isClient ? plan_.lazyClient : plan_.lazyEndpoint) || oneIn(dice, 16);
  bool moved = false;
  for (int times = oneIn(dice, 8) ? 64 : 1; times > 0; --times) {
    const bool wrote = oneIn(dice, 2) && peer.write(most);
    const bool read = reads && peer.read(most);
    if (!wrote && !read) break;
    moved = true;
  }
  return moved;
}

std::string Connection::wrong() const {
  // An end is told to the other side only if the sender has finished, and behind the last byte of all.
  if (client_.sawEnd && (!endpoint_.hasShut || client_.received != client_.expected())) return "the client saw an end too early";
  if (endpoint_.sawEnd && (!client_.hasShut || endpoint_.received != endpoint_.expected())) return "the endpoint saw an end too early";
  const auto up = static_cast<double>(plan_.up - endpoint_.skips);
  const auto down = static_cast<double>(plan_.down);
  if (bytesFromClient_ > up || bytesFromEndpoint_ > down) return "more was counted than was sent";
  if (isBroken_) return {};
  if (ending_ != sluice::Ending::closed || !client_.sawEnd || !endpoint_.sawEnd) return "no proper end";
  return bytesFromClient_ < up || bytesFromEndpoint_ < down ? "not all that was sent was counted" : "";
}

std::string Connection::describe() const {
  const auto side = [](const Peer& peer) {
    return std::to_string(peer.sent) + " sent, " + std::to_string(peer.received) + "/" + std::to_string(peer.expected()) +
           " received" + (peer.hasShut ? ", shut" : "") + (peer.sawEnd ? ", saw the end" : "") + (peer.isBroken ? ", broken" : "");
  };
  return "slot " + std::to_string(slot_) + (plan_.peeks > 0 ? " (peeks)" : "") + ": client " + side(client_) + "; endpoint " + side(endpoint_) +
         (isStalled_ ? "; stalled" : "") + (isBroken_ ? "; broken on purpose" : "") +
         (isClosed_ ? "; told closed, " + std::to_string(static_cast<int>(ending_)) : "; not told closed");
}

}  // namespace fuzz
