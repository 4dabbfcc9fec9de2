#include "oneway_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "udp_listener.h"
#include "udp_session.h"

namespace sluice {

OnewaySocket::OnewaySocket(UdpListener& listener, const Address& to)
    : endpoint(to), listener_(listener), fd_(openUdp(to, listener.buffers(), {listener.mark(), {}})) {
  if (!fd_ || !listener.udp().reactor.addLevel(fd_.get(), EPOLLIN, *this)) failure_ = errno;
}

void OnewaySocket::ready(std::uint32_t) {
  char byte = 0;
  if (failure_ == 0 && ::recv(fd_.get(), &byte, sizeof byte, 0) < 0 && isOfEndpoint(errno)) fail(errno);
}

void OnewaySocket::fail(int error) {
  failure_ = error;
  // The last session that leaves would destroy it.
  const auto self = shared_from_this();
  listener_.udp().bury(self);
  listener_.failAll(*self, error);
}

}  // namespace sluice
