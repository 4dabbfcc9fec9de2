#pragma once

#include <atomic>
#include <cstdint>

namespace sluice {

/**
 * What JavaScript sees of one flow: a cache line of a Float64Array that it has made (`cells.ts` has the same layout).
 * Whoever moves the flow's bytes is the only writer; JavaScript reads whenever it likes.
 */
struct alignas(64) Cells {
  double bytesFromClient;
  double bytesFromEndpoint;
  /** TCP: the smoothed round trip to the client in microseconds, once the flow has ended and if it was measured. */
  double datagramsFromClient;
  /** TCP: segments retransmitted to client and endpoint, once the flow has ended. */
  double datagramsFromEndpoint;
  /** TCP: the `Party` that finished first. UDP: 1 once the session is established. */
  double state;
  /** UDP: of the last datagram either way, in milliseconds on the engine's clock. TCP: the errno that ended the flow. */
  double lastActiveMs;
  /** Of the client, in network order; IPv4 uses the first four bytes. */
  std::uint8_t address[16];
};
static_assert(sizeof(Cells) == 64);

/** A number that one thread writes and JavaScript reads: exact up to 2^53. */
inline void publish(double& cell, double value) { std::atomic_ref<double>(cell).store(value, std::memory_order_relaxed); }

}  // namespace sluice
