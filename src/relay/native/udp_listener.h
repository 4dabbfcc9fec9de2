#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fd.h"
#include "proxied_ports.h"
#include "proxy_header.h"
#include "socket.h"
#include "source.h"
#include "udp_reactor.h"
#include "udp_session.h"
#include "udp_table.h"

namespace sluice {

/** How a UDP listener and the sockets of its sessions are made. */
struct UdpOptions {
  SocketBuffers buffers;
  /** IP_FREEBIND: the address need not be there yet. */
  bool freeBind = false;
  /** SO_MARK of the sockets to endpoints, socket(7); 0: none. */
  int mark = 0;
  /** Use io_uring(7) where it is to be had. */
  bool rings = true;
};

/**
 * A bound socket and the sessions of those who send to it. Once it has started it belongs to the thread of its reactor.
 * JavaScript knows a session by `key` while it is asked about it, and by a slot once it has admitted it.
 */
class UdpListener final : public Source {
 public:
  /** Binds exactly `address`. Throws std::system_error. */
  UdpListener(std::int32_t id, const Address& address, const UdpOptions& options, UdpReactor& udp);

  const std::int32_t id;
  int fd() const { return fd_.get(); }
  UdpReactor& udp() const { return udp_; }
  /** Of sockets before they know better. */
  const SegmentLimit& segments() const { return segments_; }
  const SocketBuffers& buffers() const { return options_.buffers; }
  int mark() const { return options_.mark; }
  /** What the kernel has granted. */
  SocketBuffers granted() const;

  void start();
  /** Closes the socket, forgets all sessions and tells `udpStopped`. */
  void stop();
  void trust(TrustedNetworks proxies) { trusted_ = std::move(proxies); }
  void ready(std::uint32_t events) override;

  /** The session is known as `slot` from now on, and has `cells`. */
  void admit(std::uint32_t key, std::int32_t slot, Cells& cells);
  /** Nobody is to have what session `key` holds: it goes, and its datagrams are told as dropped for `reason`. */
  void refuse(std::uint32_t key, std::int32_t reason);
  /** See `UdpSession::dial`. `isOneway`: by a socket that is shared. */
  void dial(std::uint32_t key, const Address& endpoint, const Address& source, std::string_view prefix, bool isOneway);
  /** What nothing has answered is not to be sent again. */
  void release(std::uint32_t key);
  /**
   * The session ends; `udpClosed` tells that nothing of it moves any more. `again`: what it holds is taken as if it had
   * just come in.
   */
  void close(std::uint32_t key, std::int32_t slot, bool again);
  void failAll(const OnewaySocket& socket, int error);

  /** A datagram is lost; told at the end of the turn. */
  void drop(Loss loss);
  void tellLosses();

 private:
  void receive(const Address& sender, std::string_view datagram);
  void receiveNamed(const Address& sender, std::string_view datagram);
  void receiveOf(const UdpOwner& owner, std::string_view datagram);
  UdpSession* find(const UdpOwner& owner) const;
  UdpOwner ownerOf(const Address& peer, const Address* named = nullptr) const;
  UdpSession& open(const UdpOwner& owner);
  /** nullptr: there is none. */
  UdpSession* session(std::uint32_t key) const;
  std::shared_ptr<UdpSession> take(std::uint32_t key);
  std::shared_ptr<OnewaySocket> oneway(const Address& endpoint);

  const UdpOptions options_;
  UdpReactor& udp_;
  Fd fd_;
  const SegmentLimit segments_;
  TrustedNetworks trusted_;
  UdpTable table_;
  std::unordered_map<std::uint32_t, std::unique_ptr<UdpSession>> sessions_;
  std::uint32_t nextKey_ = 0;
  /** Sessions about which JavaScript has been asked and has not answered. */
  std::size_t asked_ = 0;
  ProxiedPorts proxied_;
  std::vector<std::weak_ptr<OnewaySocket>> oneway_;
  std::array<std::int32_t, kLosses> losses_{};
  bool hasLosses_ = false;
};

}  // namespace sluice
