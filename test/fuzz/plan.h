#pragma once

#include <array>
#include <cstdint>
#include <random>

namespace fuzz {

using Dice = std::mt19937_64;

inline bool oneIn(Dice& dice, int many) { return dice() % static_cast<std::uint64_t>(many) == 0; }

/** From nothing to some MiB, most of them small, many around the sizes at which the relay does something else. */
inline std::size_t anySize(Dice& dice) {
  constexpr std::array<std::size_t, 8> edges{0, 1, 100, 8 * 1024, 32 * 1024, 64 * 1024, 1024 * 1024, 3 * 1024 * 1024};
  const std::size_t edge = edges[std::min(dice() % 8, dice() % 9)];
  return edge < 100 ? edge : edge - 2 + dice() % 5;
}

/** What one connection goes through. */
struct Plan {
  explicit Plan(Dice& dice)
      : up(anySize(dice)),
        down(anySize(dice)),
        headerBytes(oneIn(dice, 4) ? 1 + dice() % 100 : 0),
        peeks(oneIn(dice, 6) ? 1 + dice() % 50 : 0),
        refusals(oneIn(dice, 5) ? 1 + static_cast<int>(dice() % 3) : 0),
        stalls(oneIn(dice, 20) ? 1 : 0),
        bufferBytes(oneIn(dice, 3) ? 4096 << dice() % 3 : 0),
        breaks(oneIn(dice, 4)),
        lazyClient(oneIn(dice, 8)),
        lazyEndpoint(oneIn(dice, 8)) {}

  /** Bytes that client and endpoint send. */
  std::size_t up;
  std::size_t down;
  /** Sent to the endpoint before the client's bytes. */
  std::size_t headerBytes;
  /** So many of the client's bytes are looked at and taken before an endpoint is chosen; 0: none. */
  std::size_t peeks;
  /** Endpoints that refuse, and that never answer, before the one that does. */
  int refusals;
  int stalls;
  /** SO_SNDBUF and SO_RCVBUF of both peers; 0: the system's. */
  int bufferBytes;
  /** Somebody ends it too early: a reset from either side, or an abort. */
  bool breaks;
  /** Reads only now and then. */
  bool lazyClient;
  bool lazyEndpoint;
};

}  // namespace fuzz
