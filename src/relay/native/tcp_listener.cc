#include "tcp_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace sluice {

namespace {
[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

Fd openListener(const Address& address, const ListenOptions& options) {
  Fd fd = openSocket(address.family(), SOCK_STREAM);
  if (!fd) fail("socket");
  setOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.isV6()) setOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.freeBind && !freeBind(fd.get(), address.family())) fail("IP_FREEBIND");
  if (options.transparent && !makeTransparent(fd.get(), address.family())) fail("IP_TRANSPARENT");
  // Accepted sockets inherit it.
  if (options.tcp.noDelay) setOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.deferAcceptSeconds > 0) setOption(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, options.deferAcceptSeconds);
  if (::bind(fd.get(), address.get(), address.size()) != 0) fail("bind");
  if (::listen(fd.get(), options.backlog) != 0) fail("listen");
  return fd;
}

/**
 * accept(2): of the connection, not of the listener; the next one may be well. Not EPERM and EACCES: a security module says
 * them before a connection is taken, so the next call would get the same.
 */
bool isOfConnection(int error) {
  return error == ECONNABORTED || error == EPROTO || error == ENETDOWN || error == EHOSTDOWN || error == EHOSTUNREACH ||
         error == ENETUNREACH || error == EINTR;
}
}  // namespace

TcpListener::TcpListener(uv_loop_t* loop, std::int32_t number, const Address& address, const ListenOptions& how,
                         Accepted accepted, Failed failed, std::function<void()> turned)
    : id(number),
      isV6(address.isV6()),
      options(how.tcp),
      backlog_(how.backlog),
      acceptsPerTurn_(how.acceptsPerTurn),
      fd_(openListener(address, how)),
      accepted_(std::move(accepted)),
      failed_(std::move(failed)),
      poll_(loop, fd_.get(), [this, turned = std::move(turned)] {
        acceptSome(acceptsPerTurn_);
        turned();
      }) {
  poll_.start();
}

void TcpListener::configure(bool noDelay, bool measures, int deferAcceptSeconds) {
  options.noDelay = noDelay;
  options.measures = measures;
  setOption(fd_.get(), IPPROTO_TCP, TCP_NODELAY, noDelay ? 1 : 0);
  setOption(fd_.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, deferAcceptSeconds);
}

void TcpListener::resume() { poll_.start(); }

void TcpListener::acceptAll() { acceptSome(backlog_ + 1); }

void TcpListener::acceptSome(int most) {
  for (int count = 0; count < most; ++count) {
    Address peer;
    socklen_t size = Address::room;
    Fd client(::accept4(fd_.get(), peer.get(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      accepted_(*this, std::move(client), peer);
    } else if (errno == EAGAIN) {
      return;
    } else if (!isOfConnection(errno)) {
      // No descriptor, no memory, no leave: clients wait in the kernel's queue until the listener is resumed.
      poll_.stop();
      failed_(*this, errno);
      return;
    }
  }
}

}  // namespace sluice
