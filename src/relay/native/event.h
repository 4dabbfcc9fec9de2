#pragma once

#include <cstdint>

namespace sluice {

/** What the engine tells JavaScript; `events.ts` has the same numbers. */
enum class EventKind : std::int32_t {
  /** A client has connected: slot, listener, port of the client. */
  accepted = 1,
  /** accept4(2) failed: -, listener, errno. The listener rests until it is resumed. */
  acceptFailed = 2,
  /** The endpoint has answered: slot. */
  connected = 3,
  /** The try has failed: slot, errno. */
  connectFailed = 4,
  /** The client's first bytes have come, or its end: slot, 1 if nothing more will come. */
  head = 5,
  /** Both sockets are closed: slot, `Ending`, `Party`. The slot is free after this. */
  closed = 6,
  /** UDP: a datagram of somebody new has come: key, listener, port of the client (and `kIsV6`); `address` is the client's. */
  udpAsked = 7,
  /** The endpoint counts as reached: slot, 1 if it has replied. */
  udpReached = 8,
  /** The endpoint cannot be reached, or no socket could be made: slot, errno. */
  udpFailed = 9,
  /** Datagrams were lost: how many, listener, `Loss` or the reason that they were refused with. */
  udpDropped = 10,
  /** Nothing of the session moves any more: slot, which is free after this. */
  udpClosed = 11,
  /** The socket of the listener is closed: -, listener. */
  udpStopped = 12,
};

/** Who made the first move to the end of a flow. */
enum class Party : std::int8_t { none = 0, client = 1, endpoint = 2, sluice = 3 };

/** How a flow ended, where JavaScript does not know better. */
enum class Ending : std::int32_t { closed = 0, reset = 1, error = 2, aborted = 3 };

struct Event {
  EventKind kind;
  std::int32_t slot;
  std::int32_t first;
  std::int32_t second;
  /** In network order; IPv4 uses the first four bytes. */
  std::uint8_t address[16] = {};
};
static_assert(sizeof(Event) == 32);

/** Beside the port of `udpAsked`. */
inline constexpr std::int32_t kIsV6 = 0x10000;

}  // namespace sluice
