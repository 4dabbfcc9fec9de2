#include "held_datagrams.h"

#include <algorithm>
#include <cstring>

namespace sluice {

namespace {
/** What one datagram takes beside its bytes, about. */
constexpr std::size_t kOverhead = 64;
/** What one client may have waiting: room for three of the largest datagrams. */
constexpr std::size_t kMostBytes = 256 * 1024;
/** What all clients of a thread may. */
constexpr std::size_t kMostTotal = 16 * 1024 * 1024;
}  // namespace

bool HeldDatagrams::add(std::string_view datagram) {
  const std::size_t bytes = datagram.size() + kOverhead;
  if (bytes_ + bytes > kMostBytes || total_ + bytes > kMostTotal) return false;
  bytes_ += bytes;
  total_ += bytes;
  const auto size = static_cast<std::uint32_t>(datagram.size());
  pieces_.push_back({std::make_unique_for_overwrite<char[]>(size), size, size});
  std::memcpy(pieces_.back().bytes.get(), datagram.data(), size);
  return true;
}

void HeldDatagrams::replace(std::string_view datagram) {
  if (pieces_.size() != 1 || pieces_.front().room < datagram.size()) {
    clear();
    add(datagram);
    return;
  }
  auto& piece = pieces_.front();
  std::memcpy(piece.bytes.get(), datagram.data(), datagram.size());
  piece.size = static_cast<std::uint32_t>(datagram.size());
}

void HeldDatagrams::dropFirst(std::size_t count) {
  const auto end = pieces_.begin() + static_cast<std::ptrdiff_t>(std::min(count, pieces_.size()));
  for (auto piece = pieces_.begin(); piece != end; ++piece) {
    bytes_ -= piece->room + kOverhead;
    total_ -= piece->room + kOverhead;
  }
  pieces_.erase(pieces_.begin(), end);
}

}  // namespace sluice
