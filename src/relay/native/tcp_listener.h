#pragma once

#include <cstdint>
#include <functional>

#include "fd.h"
#include "poll.h"
#include "socket.h"
#include "tcp_flow.h"

namespace sluice {

/** How a listening socket is made. */
struct ListenOptions {
  int backlog = 511;
  /** How many are accepted before JavaScript hears of them: each takes a descriptor that it has not counted yet. */
  int acceptsPerTurn = 64;
  /** IP_FREEBIND: the address need not be there yet. */
  bool freeBind = false;
  /** IP_TRANSPARENT: for connections to any address that the kernel brings here (TPROXY). */
  bool transparent = false;
  /** TCP_DEFER_ACCEPT in seconds: a client is accepted when its first byte is there. 0: at once. */
  int deferAcceptSeconds = 0;
  TcpOptions tcp;
};

/** A listening socket. After a failure that is not of one connection it rests until it is resumed. */
class TcpListener {
 public:
  using Accepted = std::function<void(TcpListener&, Fd client, const Address& peer)>;
  using Failed = std::function<void(TcpListener&, int error)>;

  /** `turned` is called when a turn of the loop has accepted what it may. Throws std::system_error. */
  TcpListener(uv_loop_t* loop, std::int32_t id, const Address& address, const ListenOptions& options,
              Accepted accepted, Failed failed, std::function<void()> turned);

  const std::int32_t id;
  const bool isV6;
  TcpOptions options;

  /** For clients to come. */
  void configure(bool noDelay, bool measures, int deferAcceptSeconds);
  void resume();
  /** Takes all clients that wait in the kernel's queue, as many as it holds. */
  void acceptAll();

 private:
  void acceptSome(int most);

  const int backlog_;
  const int acceptsPerTurn_;
  Fd fd_;
  Accepted accepted_;
  Failed failed_;
  Poll poll_;
};

}  // namespace sluice
