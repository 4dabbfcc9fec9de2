#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/** Datagrams of one client that wait for an endpoint, or for an answer in case they have to be sent again. */
class HeldDatagrams {
 public:
  /** `total`: the bytes that all of a thread hold. */
  explicit HeldDatagrams(std::size_t& total) : total_(total) {}
  ~HeldDatagrams() { clear(); }
  HeldDatagrams(const HeldDatagrams&) = delete;
  HeldDatagrams& operator=(const HeldDatagrams&) = delete;

  bool isEmpty() const { return pieces_.empty(); }
  std::size_t count() const { return pieces_.size(); }
  std::string_view operator[](std::size_t index) const { return {pieces_[index].bytes.get(), pieces_[index].size}; }

  /** False: there is no room for one more. */
  bool add(std::string_view datagram);
  /** Holds this one alone, if there is room for it. */
  void replace(std::string_view datagram);
  /** Lets the first `count`, or all that there are, go. */
  void dropFirst(std::size_t count);
  /** Takes all that `other`, of the same thread, holds; this holds nothing. */
  void take(HeldDatagrams& other) {
    pieces_.swap(other.pieces_);
    std::swap(bytes_, other.bytes_);
  }
  void clear() { dropFirst(pieces_.size()); }

 private:
  struct Piece {
    std::unique_ptr<char[]> bytes;
    std::uint32_t size;
    std::uint32_t room;
  };

  std::size_t& total_;
  std::size_t bytes_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace sluice
