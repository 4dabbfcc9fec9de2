#include "engine.h"

#include <cerrno>

namespace sluice {

Engine::Engine(EngineInit init)
    : loop_(init.loop),
      init_(std::move(init)),
      home_(init_.bufferBytes, init_.mostPipes, init_.outboxBytes),
      wakeup_(loop_,
              [this] {
                gone_.clear();
                turn();
              }),
      poll_(loop_, home_.fd(), [this] { turn(); }),
      udp_(home_, workers_, slots_, init_.clock) {
  poll_.start();
  poll_.keepAlive(false);
  wakeup_.keepAlive(false);
  for (int index = 0; index < init_.threads; ++index) {
    workers_.push_back(
        std::make_unique<Worker>(init_.bufferBytes, init_.mostPipes, init_.outboxBytes, [this] { wakeup_.wake(); }));
  }
}

Engine::~Engine() { workers_.clear(); }

void Engine::turn() {
  home_.turn(0);
  init_.told();
  if (home_.isAskedAgain()) wakeup_.wake();
}

std::int32_t Engine::listenTcp(const Address& address, const ListenOptions& options) {
  const auto id = static_cast<std::int32_t>(listeners_.size());
  listeners_.push_back(std::make_unique<TcpListener>(
      loop_, id, address, options,
      [this](TcpListener& listener, Fd client, const Address& peer) { accepted(listener, std::move(client), peer); },
      [this](TcpListener& listener, int error) { home_.tell(EventKind::acceptFailed, -1, listener.id, error); },
      [this] { init_.told(); }));
  return id;
}

TcpListener* Engine::listener(std::int32_t id) {
  const auto index = static_cast<std::size_t>(id);
  return id >= 0 && index < listeners_.size() ? listeners_[index].get() : nullptr;
}

void Engine::stopListening(std::int32_t id) {
  TcpListener* going = listener(id);
  if (going == nullptr) return;
  going->acceptAll();
  gone_.push_back(std::move(listeners_[static_cast<std::size_t>(id)]));
  wakeup_.wake();
}

std::int32_t Engine::takeSlot() {
  if (slots_.isEmpty()) {
    Cells* cells = init_.grow();
    if (cells == nullptr) return -1;
    slots_.add(cells);
  }
  return slots_.take();
}

void Engine::accepted(TcpListener& listener, Fd client, const Address& peer) {
  const std::int32_t slot = takeSlot();
  if (slot < 0) {
    home_.tell(EventKind::acceptFailed, -1, listener.id, ENOMEM);
    return;
  }
  Cells& cells = slots_.cells(slot);
  peer.copyBytes(cells.address);
  if (static_cast<std::size_t>(slot) >= flows_.size()) flows_.resize(static_cast<std::size_t>(slot) + Slots::kChunk);
  flows_[static_cast<std::size_t>(slot)] =
      std::make_unique<TcpFlow>(slot, std::move(client), cells, listener.options, home_);
  ++flowCount_;
  keepAlive();
  home_.tell(EventKind::accepted, slot, listener.id, peer.port());
}

TcpFlow* Engine::flow(std::int32_t slot) {
  const auto index = static_cast<std::size_t>(slot);
  return slot >= 0 && index < flows_.size() ? flows_[index].get() : nullptr;
}

int Engine::dial(std::int32_t slot, const Address& endpoint, const Address& source, std::string_view header) {
  TcpFlow* dialing = flow(slot);
  if (dialing == nullptr) return -ENOENT;
  return dialing->dial(home_, placeOf(*dialing), endpoint, source, header);
}

/**
 * With several threads a home that is busy has them relay short connections, too: they cost more then, but more of them
 * are served.
 */
Place Engine::placeOf(TcpFlow& flow) {
  if (workers_.empty()) return {&home_, 0};
  if (flow.worker < 0) flow.worker = static_cast<int>(nextWorker_++ % workers_.size());
  Reactor& reactor = workers_[static_cast<std::size_t>(flow.worker)]->reactor();
  return {&reactor, workers_.size() > 1 && isBusy_() ? 0 : init_.turnsAtHome};
}

void Engine::command(std::int32_t slot, std::function<void(TcpFlow&)> command) {
  TcpFlow* commanded = flow(slot);
  if (commanded == nullptr) return;
  if (commanded->worker < 0 || commanded->isAtHome()) {
    command(*commanded);
    return;
  }
  commanded->isCommanded = true;
  workers_[static_cast<std::size_t>(commanded->worker)]->post(
      [commanded, command = std::move(command)] { command(*commanded); });
}

void Engine::take(std::vector<Event>& to) {
  auto& told = home_.told();
  to.insert(to.end(), told.begin(), told.end());
  told.clear();
  for (const auto& worker : workers_) worker->take(to);
}

void Engine::forget(std::int32_t slot) {
  auto gone = std::move(flows_[static_cast<std::size_t>(slot)]);
  // Commands that are still under way to its worker come before this.
  if (gone->isCommanded) {
    const auto worker = static_cast<std::size_t>(gone->worker);
    workers_[worker]->post([last = std::shared_ptr<TcpFlow>(std::move(gone))] {});
  }
  slots_.give(slot);
  --flowCount_;
  keepAlive();
}

void Engine::nudge() {
  if (!home_.told().empty() || home_.isAskedAgain()) wakeup_.wake();
}

void Engine::keepAlive() { wakeup_.keepAlive(flowCount_ > 0 || !udp_.isEmpty()); }

}  // namespace sluice
