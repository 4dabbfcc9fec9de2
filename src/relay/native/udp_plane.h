#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cells.h"
#include "clock.h"
#include "reactor.h"
#include "slots.h"
#include "udp_listener.h"
#include "udp_reactor.h"
#include "worker.h"

namespace sluice {

/** The UDP listeners and sessions of an engine, for JavaScript to command by number. Lives at home. */
class UdpPlane {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;

  /** All must outlive it, but the workers' threads must have ended before it goes. */
  UdpPlane(Reactor& home, const Workers& workers, Slots& slots, const Clock& clock);

  /** The listener gets a thread of its own in turn. Returns its number. Throws std::system_error. */
  std::int32_t listen(const Address& address, const UdpOptions& options);
  /** What the kernel has granted. */
  SocketBuffers granted(std::int32_t listener) const;
  void trust(std::int32_t listener, std::string_view networks);
  void stop(std::int32_t listener);

  /** `slot` is now the session of the newcomer that `udpAsked` told of. */
  void admit(std::int32_t listener, std::uint32_t key, std::int32_t slot);
  void refuse(std::int32_t listener, std::uint32_t key, std::int32_t reason);
  /** See `UdpListener::dial`. */
  void dial(std::int32_t slot, const Address& endpoint, const Address& source, std::string_view prefix, bool isOneway);
  /** What nothing has answered is not to be sent again. */
  void release(std::int32_t slot);
  void close(std::int32_t slot, bool again);

  /** After `udpClosed` and `udpStopped` were taken. */
  void forget(std::int32_t slot);
  void forgetListener(std::int32_t listener);
  bool isEmpty() const { return count_ == 0; }

 private:
  struct Place {
    std::shared_ptr<UdpListener> listener;
    /** nullptr: home. */
    Worker* worker = nullptr;
  };
  struct Session {
    std::int32_t listener = -1;
    std::uint32_t key = 0;
  };

  const Place& place(std::int32_t listener) const;
  /** Runs `command` where the listener belongs. */
  void run(std::int32_t listener, std::function<void(UdpListener&)> command) const;
  void runFor(std::int32_t slot, std::function<void(UdpListener&, std::uint32_t key)> command) const;

  UdpReactor& reactorFor(std::size_t worker, bool rings);

  Reactor& home_;
  const Workers& workers_;
  Slots& slots_;
  const Clock& clock_;
  /** Of the workers, or home's alone where there are none. */
  std::vector<std::unique_ptr<UdpReactor>> reactors_;
  std::vector<Place> places_;
  std::vector<Session> sessions_;
  std::size_t count_ = 0;
  std::size_t nextWorker_ = 0;
};

}  // namespace sluice
