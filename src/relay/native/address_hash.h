#pragma once

#include <cstdint>
#include <cstring>
#include <random>

#include "socket.h"

namespace sluice {

/** Hashes addresses so that nobody who chooses his own can foresee who shares a place with whom. */
class AddressHash {
 public:
  std::uint64_t operator()(const Address& address) const {
    std::uint64_t words[2] = {};
    std::memcpy(words, address.bytes(), address.isV6() ? 16 : 4);
    return mix(mix(words[0] ^ seeds()[0], words[1] ^ seeds()[1]) ^ address.port(), seeds()[2]);
  }

  static std::uint64_t mix(std::uint64_t one, std::uint64_t other) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{one} * other;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

 private:
  /** Odd, and the same for the whole process. */
  static const std::uint64_t* seeds() {
    static const struct Seeds {
      Seeds() {
        std::random_device random;
        for (auto& value : values) value = (std::uint64_t{random()} << 32 | random()) | 1;
      }
      std::uint64_t values[3];
    } made;
    return made.values;
  }
};

}  // namespace sluice
