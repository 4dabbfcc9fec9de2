#pragma once

#include <sys/socket.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "fd.h"

namespace sluice {

/** Memory that is shared with the kernel. */
class Mapping {
 public:
  Mapping() = default;
  /** Empty: errno says why not. */
  Mapping(int fd, std::size_t size, std::uint64_t offset);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  explicit operator bool() const { return data_ != nullptr; }
  template <typename T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + offset);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/**
 * Sends through many sockets by one system call (io_uring(7)). Nothing here waits: what a socket does not take at once has
 * failed with EAGAIN, and no buffer is looked at after `submit`. No SIGPIPE either.
 */
class Ring {
 public:
  /** As a result: the ring broke before this was sent. */
  static constexpr int kNotSent = INT_MIN;

  /** nullptr: the kernel has none (before 5.6), or this process may not have one (seccomp(2), kernel.io_uring_disabled); errno says which. */
  static std::unique_ptr<Ring> make(unsigned entries);

  /** `fd` must not block, `bytes` must stay until `submit`; before that there are at most `entries`. */
  void send(int fd, std::string_view bytes);
  /** Likewise, `message` and what it points to. */
  void send(int fd, const msghdr& message);
  /**
   * Does it. Results are in the order of the sends: bytes sent, or a negative errno. False: the ring is broken, and some or all
   * results are `kNotSent`.
   */
  bool submit(std::span<int> results);

 private:
  Ring() = default;
  bool map(unsigned entries);
  void queue(int operation, int fd, const void* address, std::size_t length);
  bool enter(unsigned count);

  Fd fd_;
  Mapping rings_;
  Mapping requests_;
  unsigned mask_ = 0;
  std::uint32_t* tail_ = nullptr;
  std::uint32_t* array_ = nullptr;
  std::uint32_t* doneHead_ = nullptr;
  std::uint32_t* doneTail_ = nullptr;
  std::uint32_t doneMask_ = 0;
  /** Where the completions begin in `rings_`. */
  std::size_t done_ = 0;
  unsigned queued_ = 0;
};

}  // namespace sluice
