#pragma once

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "busy.h"
#include "cells.h"
#include "clock.h"
#include "event.h"
#include "poll.h"
#include "reactor.h"
#include "slots.h"
#include "tcp_flow.h"
#include "tcp_listener.h"
#include "udp_plane.h"
#include "worker.h"

namespace sluice {

struct EngineInit {
  uv_loop_t* loop;
  /** Relay threads; 0: the thread of the loop relays. */
  int threads;
  /** The size of one read. */
  std::size_t bufferBytes;
  /** Pipes of each thread, the loop's included. */
  int mostPipes;
  /** A flow that has had so many events goes from home to its relay thread. A question and its answer take fewer than 8. */
  int turnsAtHome;
  /** What may wait for the end of a turn to be sent by one call, see `Outbox`; 0: nothing. */
  std::size_t outboxBytes;
  Clock clock;
  /** Called on the loop when there are events to take. */
  std::function<void()> told;
  /** Makes room for `Slots::kChunk` more flows; nullptr: there is none. */
  std::function<Cells*()> grow;
};

/** All listeners and flows, for JavaScript to command by number. Lives on the thread of the loop, home. */
class Engine {
 public:
  explicit Engine(EngineInit init);
  ~Engine();

  /** Returns the listener's number. Throws std::system_error. */
  std::int32_t listenTcp(const Address& address, const ListenOptions& options);
  /** nullptr: there is none of that number. */
  TcpListener* listener(std::int32_t id);
  /** Accepts all that waits, then closes the socket. */
  void stopListening(std::int32_t id);

  /** See `TcpFlow::dial`. */
  int dial(std::int32_t slot, const Address& endpoint, const Address& source, std::string_view header);
  /** nullptr: it has closed. */
  TcpFlow* flow(std::int32_t slot);
  /** Runs `command` where the flow belongs. */
  void command(std::int32_t slot, std::function<void(TcpFlow&)> command);

  UdpPlane& udp() { return udp_; }
  /** A number for one more flow; -1: there is no memory for it. */
  std::int32_t takeSlot();

  /** Moves all events that there are behind those of `to`. A slot whose `closed` was taken must be `forget`ed. */
  void take(std::vector<Event>& to);
  void forget(std::int32_t slot);
  /** After `udpStopped`. */
  void forgetUdpListener(std::int32_t id) {
    udp_.forgetListener(id);
    keepAlive();
  }
  /** The loop goes on while there are flows, or sockets that nothing else keeps it going for. */
  void keepAlive();
  /** There may be events although nothing was ready: has them taken soon. */
  void nudge();

 private:
  void accepted(TcpListener& listener, Fd client, const Address& peer);
  void turn();
  Place placeOf(TcpFlow& flow);

  uv_loop_t* const loop_;
  const EngineInit init_;
  Reactor home_;
  Slots slots_;
  Wakeup wakeup_;
  Poll poll_;
  UdpPlane::Workers workers_;
  UdpPlane udp_;
  std::vector<std::unique_ptr<TcpListener>> listeners_;
  /** Closed while they may be on the stack. */
  std::vector<std::unique_ptr<TcpListener>> gone_;
  std::vector<std::unique_ptr<TcpFlow>> flows_;
  std::size_t flowCount_ = 0;
  std::size_t nextWorker_ = 0;
  Busy isBusy_;
};

}  // namespace sluice
