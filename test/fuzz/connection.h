#pragma once

#include <memory>

#include "../../src/relay/native/engine.h"
#include "peer.h"
#include "plan.h"

namespace fuzz {

/** Where connections lead that do not come about. */
struct Traps {
  sluice::Address refuses;
  sluice::Address stalls;
};

/** A client, the engine's flow, and the endpoint, each on its own way through a plan. */
class Connection {
 public:
  Connection(Dice& dice, const sluice::Address& frontend, const Traps& traps);

  /** Of the client. */
  std::uint16_t port() const { return port_; }

  // What the engine tells.

  void accepted(sluice::Engine& engine, std::int32_t slot);
  void head(sluice::Engine& engine, bool isLast);
  void connectFailed(sluice::Engine& engine);
  void closed(sluice::Ending ending, const sluice::Cells& cells);

  /** Does something, whatever the dice say. False: nothing could be done. */
  bool act(Dice& dice, sluice::Engine& engine);
  bool isOver() const { return isClosed_ && client_.isDone() && (!endpoint_.fd || endpoint_.isDone()); }
  bool isBroken() const { return isBroken_; }
  std::size_t received() const { return client_.received + endpoint_.received; }
  /** What is not as it must be in the end; empty if all is well. */
  std::string wrong() const;
  std::string describe() const;

 private:
  void dial(sluice::Engine& engine);
  void redial(sluice::Engine& engine);
  const sluice::Address& target();
  bool acceptEndpoint();
  bool hurry(Dice& dice, sluice::Engine& engine);
  bool moveBytes(Dice& dice);
  void breakOff(Dice& dice, sluice::Engine& engine);
  void abort(sluice::Engine& engine);
  void size(int fd) const;

  Plan plan_;
  const Traps& traps_;
  Peer client_;
  Peer endpoint_;
  sluice::Address endpointAddress_;
  sluice::Fd listener_;
  std::uint16_t port_ = 0;
  std::int32_t slot_ = -1;
  bool isStalled_ = false;
  bool isBroken_ = false;
  bool isClosed_ = false;
  sluice::Ending ending_ = sluice::Ending::closed;
  double bytesFromClient_ = 0;
  double bytesFromEndpoint_ = 0;
};

/** A socket that listens on a port of 127.0.0.1, or is only bound to it. */
sluice::Fd bound(sluice::Address& address);

}  // namespace fuzz
