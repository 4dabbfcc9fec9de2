#include "udp_plane.h"

#include <algorithm>

namespace sluice {

UdpPlane::UdpPlane(Reactor& home, const Workers& workers, Slots& slots, const Clock& clock)
    : home_(home), workers_(workers), slots_(slots), clock_(clock) {}

/** Made when it is needed first. */
UdpReactor& UdpPlane::reactorFor(std::size_t worker, bool rings) {
  reactors_.resize(std::max<std::size_t>(workers_.size(), 1));
  auto& known = reactors_[worker];
  if (!known) known = std::make_unique<UdpReactor>(workers_.empty() ? home_ : workers_[worker]->reactor(), clock_, rings);
  return *known;
}

std::int32_t UdpPlane::listen(const Address& address, const UdpOptions& options) {
  const std::size_t index = workers_.empty() ? 0 : nextWorker_++ % workers_.size();
  Worker* worker = workers_.empty() ? nullptr : workers_[index].get();
  UdpReactor& reactor = reactorFor(index, options.rings);
  const auto id = static_cast<std::int32_t>(places_.size());
  auto listener = std::make_shared<UdpListener>(id, address, options, reactor);
  listener->start();
  places_.push_back({std::move(listener), worker});
  ++count_;
  return id;
}

SocketBuffers UdpPlane::granted(std::int32_t listener) const {
  const auto& known = place(listener).listener;
  return known ? known->granted() : SocketBuffers{};
}

void UdpPlane::trust(std::int32_t listener, std::string_view networks) {
  run(listener, [trusted = TrustedNetworks(networks)](UdpListener& to) { to.trust(trusted); });
}

void UdpPlane::stop(std::int32_t listener) {
  run(listener, [](UdpListener& stopping) { stopping.stop(); });
}

void UdpPlane::admit(std::int32_t listener, std::uint32_t key, std::int32_t slot) {
  const auto index = static_cast<std::size_t>(slot);
  if (index >= sessions_.size()) sessions_.resize(index + Slots::kChunk);
  sessions_[index] = {listener, key};
  Cells& cells = slots_.cells(slot);
  publish(cells.lastActiveMs, clock_.now());
  run(listener, [key, slot, &cells](UdpListener& to) { to.admit(key, slot, cells); });
}

void UdpPlane::refuse(std::int32_t listener, std::uint32_t key, std::int32_t reason) {
  run(listener, [key, reason](UdpListener& to) { to.refuse(key, reason); });
}

void UdpPlane::dial(std::int32_t slot, const Address& endpoint, const Address& source, std::string_view prefix,
                    bool isOneway) {
  runFor(slot, [endpoint, source, prefix = std::string(prefix), isOneway](UdpListener& to, std::uint32_t key) {
    to.dial(key, endpoint, source, prefix, isOneway);
  });
}

void UdpPlane::release(std::int32_t slot) {
  runFor(slot, [](UdpListener& to, std::uint32_t key) { to.release(key); });
}

void UdpPlane::close(std::int32_t slot, bool again) {
  runFor(slot, [slot, again](UdpListener& to, std::uint32_t key) { to.close(key, slot, again); });
}

void UdpPlane::forget(std::int32_t slot) {
  sessions_[static_cast<std::size_t>(slot)] = {};
  slots_.give(slot);
}

void UdpPlane::forgetListener(std::int32_t listener) {
  places_[static_cast<std::size_t>(listener)] = {};
  --count_;
}

const UdpPlane::Place& UdpPlane::place(std::int32_t listener) const {
  static const Place none;
  const auto index = static_cast<std::size_t>(listener);
  return listener >= 0 && index < places_.size() ? places_[index] : none;
}

void UdpPlane::run(std::int32_t listener, std::function<void(UdpListener&)> command) const {
  const auto& [to, worker] = place(listener);
  if (!to) return;
  if (worker == nullptr) command(*to);
  else worker->post([to, command = std::move(command)] { command(*to); });
}

void UdpPlane::runFor(std::int32_t slot, std::function<void(UdpListener&, std::uint32_t)> command) const {
  const auto index = static_cast<std::size_t>(slot);
  if (slot < 0 || index >= sessions_.size()) return;
  run(sessions_[index].listener,
      [key = sessions_[index].key, command = std::move(command)](UdpListener& to) { command(to, key); });
}

}  // namespace sluice
