#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

class UdpSession;

/**
 * Finds the sessions of a listener by a hash of whom they belong to: open addressing, linear probing, and going shifts
 * back what came behind, so that nothing but sessions is ever walked over. 16 bytes a place, at most half of them taken.
 */
class UdpTable {
 public:
  /** The one with `hash` for which `same` says yes; nullptr: there is none. */
  template <typename Same>
  UdpSession* find(std::uint64_t hash, Same same) const {
    if (count_ == 0) return nullptr;
    for (std::size_t at = hash & mask(); places_[at].session != nullptr; at = (at + 1) & mask()) {
      if (places_[at].hash == hash && same(*places_[at].session)) return places_[at].session;
    }
    return nullptr;
  }

  void add(std::uint64_t hash, UdpSession& session) {
    if (2 * (count_ + 1) > places_.size()) grow();
    put({hash, &session});
    ++count_;
  }

  /** `session` must be there. */
  void remove(std::uint64_t hash, const UdpSession& session) {
    std::size_t gap = hash & mask();
    while (places_[gap].session != &session) gap = (gap + 1) & mask();
    for (std::size_t at = (gap + 1) & mask(); places_[at].session != nullptr; at = (at + 1) & mask()) {
      const std::size_t wanted = places_[at].hash & mask();
      if (((at - wanted) & mask()) < ((at - gap) & mask())) continue;
      places_[gap] = places_[at];
      gap = at;
    }
    places_[gap] = {};
    --count_;
  }

 private:
  struct Place {
    std::uint64_t hash = 0;
    UdpSession* session = nullptr;
  };

  std::size_t mask() const { return places_.size() - 1; }

  void put(const Place& place) {
    std::size_t at = place.hash & mask();
    while (places_[at].session != nullptr) at = (at + 1) & mask();
    places_[at] = place;
  }

  void grow() {
    std::vector<Place> before(places_.empty() ? 64 : 2 * places_.size());
    before.swap(places_);
    for (const auto& place : before) {
      if (place.session != nullptr) put(place);
    }
  }

  std::vector<Place> places_;
  std::size_t count_ = 0;
};

}  // namespace sluice
