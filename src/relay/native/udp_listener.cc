#include "udp_listener.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "oneway_socket.h"

namespace sluice {

namespace {
/** More newcomers than these wait for nobody: JavaScript has fallen behind, and who is served already must not wait for it. */
constexpr std::size_t kMostAsked = 4096;

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

/** Without SO_REUSEADDR, which for UDP would let a second process take datagrams away (socket(7)). */
Fd bindUdp(const Address& address, const UdpOptions& options) {
  Fd fd = openSocket(address.family(), SOCK_DGRAM);
  if (!fd) fail("socket");
  if (address.isV6()) setOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.freeBind && !freeBind(fd.get(), address.family())) fail("IP_FREEBIND");
  if (::bind(fd.get(), address.get(), address.size()) != 0) fail("bind");
  setBuffers(fd.get(), options.buffers);
  receiveTrains(fd.get());
  return fd;
}

int optionOf(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(fd, SOL_SOCKET, name, &value, &size);
  return value;
}
}  // namespace

UdpListener::UdpListener(std::int32_t number, const Address& address, const UdpOptions& options, UdpReactor& udp)
    : id(number), options_(options), udp_(udp), fd_(bindUdp(address, options)), segments_(fd_.get()) {}

SocketBuffers UdpListener::granted() const {
  return {optionOf(fd_.get(), SO_RCVBUF), optionOf(fd_.get(), SO_SNDBUF)};
}

void UdpListener::start() {
  if (!udp_.reactor.add(fd_.get(), EPOLLIN, *this)) fail("epoll_ctl");
}

void UdpListener::stop() {
  udp_.replies().send();
  if (hasLosses_) tellLosses();
  udp_.forget(*this);
  udp_.reactor.forget(*this);
  fd_.reset();
  for (auto& [key, session] : sessions_) {
    session->leave();
    udp_.bury(std::move(session));
  }
  sessions_.clear();
  table_ = {};
  udp_.reactor.tell(EventKind::udpStopped, -1, id);
}

void UdpListener::ready(std::uint32_t) {
  if (!fd_) return;
  const unsigned count = udp_.inbox.receive(fd_.get());
  if (count == 0 && isShortage(errno)) return udp_.reactor.later(*this);
  udp_.inbox.forEach(count, [&](const Address& sender, std::string_view datagram) { receive(sender, datagram); });
  udp_.sends.send();
  // Less than a full load: the kernel has no more, and tells when it has.
  if (count == Inbox::kMost) udp_.reactor.again(*this);
}

void UdpListener::receive(const Address& sender, std::string_view datagram) {
  if (!trusted_.isEmpty() && trusted_.has(sender)) receiveNamed(sender, datagram);
  else receiveOf(ownerOf(sender), datagram);
}

void UdpListener::receiveNamed(const Address& sender, std::string_view datagram) {
  const auto origin = readProxyHeader(datagram);
  const auto payload = datagram.substr(origin.length);
  if (origin.kind == ProxiedOrigin::Kind::sender) {
    receiveOf(ownerOf(sender), payload);
  } else if (origin.kind == ProxiedOrigin::Kind::client) {
    proxied_.name(sender, origin.client);
    receiveOf(ownerOf(sender, &origin.client), payload);
  } else {
    const Address* last = origin.kind == ProxiedOrigin::Kind::unnamed ? proxied_.last(sender) : nullptr;
    UdpSession* session = last == nullptr ? nullptr : find(ownerOf(sender, last));
    if (session == nullptr) drop(Loss::badHeader);
    else session->receive(payload);
  }
}

void UdpListener::receiveOf(const UdpOwner& owner, std::string_view datagram) {
  UdpSession* session = find(owner);
  if (session != nullptr) {
    session->receive(datagram);
  } else if (asked_ >= kMostAsked) {
    drop(Loss::bufferFull);
  } else {
    open(owner).receive(datagram);
  }
}

UdpSession* UdpListener::find(const UdpOwner& owner) const {
  return table_.find(owner.hash, [&](const UdpSession& session) { return session.isOf(owner); });
}

UdpOwner UdpListener::ownerOf(const Address& peer, const Address* named) const {
  const AddressHash hash;
  return {peer, named, named == nullptr ? hash(peer) : AddressHash::mix(hash(peer), hash(*named))};
}

/** A newcomer: JavaScript is asked. */
UdpSession& UdpListener::open(const UdpOwner& owner) {
  // They come round again after 2^32 newcomers, half a day of a flood: sessions that live still keep theirs.
  while (sessions_.contains(nextKey_)) ++nextKey_;
  const std::uint32_t key = nextKey_++;
  auto& session = *(sessions_[key] = std::make_unique<UdpSession>(*this, owner));
  table_.add(owner.hash, session);
  if (owner.named != nullptr) proxied_.add(owner.peer, *owner.named);
  ++asked_;
  udp_.reactor.ask(static_cast<std::int32_t>(key), id, session.client());
  return session;
}

UdpSession* UdpListener::session(std::uint32_t key) const {
  const auto found = sessions_.find(key);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void UdpListener::admit(std::uint32_t key, std::int32_t slot, Cells& cells) {
  UdpSession* admitted = session(key);
  if (admitted == nullptr) return;
  --asked_;
  admitted->admit(slot, cells);
}

void UdpListener::refuse(std::uint32_t key, std::int32_t reason) {
  const auto refused = take(key);
  if (!refused) return;
  --asked_;
  udp_.reactor.tell(EventKind::udpDropped, static_cast<std::int32_t>(refused->held().count()), id, reason);
}

void UdpListener::dial(std::uint32_t key, const Address& endpoint, const Address& source, std::string_view prefix,
                       bool isOneway) {
  UdpSession* dialling = session(key);
  if (dialling != nullptr) dialling->dial(endpoint, source, prefix, isOneway ? oneway(endpoint) : nullptr);
}

void UdpListener::release(std::uint32_t key) {
  if (UdpSession* released = session(key)) released->held().clear();
}

void UdpListener::close(std::uint32_t key, std::int32_t slot, bool again) {
  if (const auto closed = take(key)) {
    closed->leave();
    if (!again) closed->held().dropFirst(1);
    if (!closed->held().isEmpty()) open(closed->owner()).held().take(closed->held());
  }
  udp_.reactor.tell(EventKind::udpClosed, slot);
}

/** Forgets the session; what is on the way to it still finds it until the end of the turn. */
std::shared_ptr<UdpSession> UdpListener::take(std::uint32_t key) {
  const auto node = sessions_.extract(key);
  if (node.empty()) return nullptr;
  std::shared_ptr<UdpSession> taken = std::move(node.mapped());
  table_.remove(taken->hash(), *taken);
  if (taken->isProxied()) proxied_.remove(taken->peer());
  udp_.bury(taken);
  return taken;
}

std::shared_ptr<OnewaySocket> UdpListener::oneway(const Address& endpoint) {
  std::erase_if(oneway_, [](const auto& socket) { return socket.expired(); });
  for (const auto& known : oneway_) {
    const auto socket = known.lock();
    if (socket && socket->failure() == 0 && socket->endpoint == endpoint) return socket;
  }
  auto made = std::make_shared<OnewaySocket>(*this, endpoint);
  oneway_.push_back(made);
  return made;
}

void UdpListener::failAll(const OnewaySocket& socket, int error) {
  for (const auto& [key, session] : sessions_) {
    if (session->isSentBy(socket)) session->fail(error);
  }
}

void UdpListener::drop(Loss loss) {
  if (!hasLosses_) udp_.noteLosses(*this);
  hasLosses_ = true;
  ++losses_[static_cast<std::size_t>(loss)];
}

void UdpListener::tellLosses() {
  hasLosses_ = false;
  for (std::size_t loss = 0; loss < losses_.size(); ++loss) {
    if (losses_[loss] > 0) {
      udp_.reactor.tell(EventKind::udpDropped, losses_[loss], id, static_cast<std::int32_t>(loss));
    }
    losses_[loss] = 0;
  }
}

}  // namespace sluice
