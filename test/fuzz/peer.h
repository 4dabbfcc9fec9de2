#pragma once

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../../src/relay/native/fd.h"
#include "../../src/relay/native/socket.h"

namespace fuzz {

/** Bytes that both ends know: each depends on the seed and on where it is, so that one lost, doubled or moved is seen. */
struct Stream {
  std::uint64_t seed = 0;
  std::size_t size = 0;

  char at(std::size_t index) const {
    std::uint64_t word = (seed + index / 8) * 0x9e3779b97f4a7c15;
    word ^= word >> 29;
    return static_cast<char>(word >> index % 8 * 8);
  }
};

/** One end of a relayed connection: what it sends, what it must receive, and how far it is. */
class Peer {
 public:
  Peer(Stream out, Stream in) : out_(out), in_(in) {}

  /** The other end. */
  Peer mirrored() const { return {in_, out_}; }

  sluice::Fd fd;
  std::size_t sent = 0;
  std::size_t received = 0;
  /** What comes before `in`: the PROXY header. */
  std::string head;
  /** Bytes of `in` that were taken away on purpose. */
  std::size_t skips = 0;
  bool hasShut = false;
  bool sawEnd = false;
  /** Its connection was reset, by itself or by others. */
  bool isBroken = false;

  bool isDone() const { return isBroken || (hasShut && sawEnd); }
  std::size_t expected() const { return head.size() + in_.size - skips; }

  /** True if something has happened. */
  bool write(std::size_t most) {
    if (!fd || hasShut || isBroken) return false;
    std::array<char, 96 * 1024> bytes;
    const std::size_t size = std::min({most, bytes.size(), out_.size - sent});
    for (std::size_t index = 0; index < size; ++index) bytes[index] = out_.at(sent + index);
    if (size == 0) return shut();
    const ssize_t written = ::send(fd.get(), bytes.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) return failed();
    sent += static_cast<std::size_t>(written);
    return true;
  }

  bool read(std::size_t most) {
    if (!fd || sawEnd || isBroken) return false;
    std::array<char, 96 * 1024> bytes;
    const ssize_t size = ::recv(fd.get(), bytes.data(), std::min(most, bytes.size()), MSG_DONTWAIT);
    if (size < 0) return failed();
    sawEnd = size == 0;
    for (ssize_t index = 0; index < size; ++index) check(bytes[static_cast<std::size_t>(index)]);
    return true;
  }

  /** Resets the connection. */
  void reset() {
    if (!fd) return;
    sluice::resetOnClose(fd.get());
    fd.reset();
    isBroken = true;
  }

 private:
  bool shut() {
    ::shutdown(fd.get(), SHUT_WR);
    hasShut = true;
    return true;
  }

  bool failed() {
    if (errno == EAGAIN) return false;
    isBroken = true;
    return true;
  }

  void check(char byte) {
    const char right = received < head.size() ? head[received] : in_.at(received - head.size() + skips);
    if (received >= expected() || byte != right) throw std::runtime_error("wrong byte at " + std::to_string(received));
    ++received;
  }

  Stream out_;
  Stream in_;
};

}  // namespace fuzz
