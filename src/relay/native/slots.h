#pragma once

#include <cstdint>
#include <vector>

#include "cells.h"

namespace sluice {

/** Hands out numbers for flows, each with its cells. A number that is given back is used again, the last one first. */
class Slots {
 public:
  static constexpr int kChunk = 1024;

  bool isEmpty() const { return free_.empty(); }

  /** `cells` has room for `kChunk` flows and outlives this. */
  void add(Cells* cells) {
    const auto first = static_cast<std::int32_t>(chunks_.size() * kChunk);
    chunks_.push_back(cells);
    for (std::int32_t slot = first + kChunk - 1; slot >= first; --slot) free_.push_back(slot);
  }

  /** There must be one. Its cells are zero. */
  std::int32_t take() {
    const std::int32_t slot = free_.back();
    free_.pop_back();
    cells(slot) = Cells{};
    return slot;
  }

  void give(std::int32_t slot) { free_.push_back(slot); }

  Cells& cells(std::int32_t slot) const { return chunks_[slot / kChunk][slot % kChunk]; }

 private:
  std::vector<Cells*> chunks_;
  std::vector<std::int32_t> free_;
};

}  // namespace sluice
