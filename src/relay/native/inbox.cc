#include "inbox.h"

#include <algorithm>

namespace sluice {

Inbox::Inbox() : memory_(std::make_unique_for_overwrite<char[]>(kMost * kStride)) {
  for (unsigned index = 0; index < kMost; ++index) {
    pieces_[index] = {memory_.get() + index * kStride, kMostDatagramBytes};
    msghdr& header = messages_[index].msg_hdr;
    header.msg_name = senders_[index].get();
    header.msg_iov = &pieces_[index];
    header.msg_iovlen = 1;
  }
}

unsigned Inbox::receive(int fd) {
  // As far as the last one has written.
  for (unsigned index = 0; index < used_; ++index) {
    messages_[index].msg_hdr.msg_namelen = Address::room;
    segmentSizes_[index].offerTo(messages_[index].msg_hdr);
  }
  const int count = uninterrupted([&] { return ::recvmmsg(fd, messages_.data(), kMost, 0, nullptr); });
  used_ = static_cast<unsigned>(std::max(count, 0));
  return used_;
}

}  // namespace sluice
