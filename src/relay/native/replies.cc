#include "replies.h"

#include <algorithm>
#include <cerrno>

#include "inbox.h"
#include "udp_listener.h"
#include "udp_session.h"

namespace sluice {

Replies::Replies() : memory_(std::make_unique_for_overwrite<char[]>(kBytes)) {}

char* Replies::room() {
  if (count_ == kMost || used_ + kMostDatagramBytes > kBytes) send();
  if (count_ == 0) used_ = 0;
  return memory_.get() + used_;
}

unsigned Replies::add(UdpSession& session, std::size_t size, std::size_t segmentSize) {
  unsigned count = 0;
  forEachOf({memory_.get() + used_, size}, segmentSize, [&](std::string_view datagram) {
    put(session, datagram);
    ++count;
  });
  // The next one begins on a line of its own.
  used_ += (size + 63) & ~std::size_t{63};
  return count;
}

void Replies::put(UdpSession& session, std::string_view datagram) {
  if (count_ == kMost) send();
  sessions_[count_] = &session;
  pieces_[count_++] = {const_cast<char*>(datagram.data()), datagram.size()};
}

/** Those of one listener that follow each other leave together. */
void Replies::send() {
  for (std::size_t from = 0, to = 0; from < count_; from = to) {
    do ++to;
    while (to < count_ && &sessions_[to]->listener() == &sessions_[from]->listener());
    sendSome(from, to);
  }
  count_ = 0;
}

void Replies::sendSome(std::size_t from, std::size_t to) {
  UdpListener& listener = sessions_[from]->listener();
  while (from < to) {
    const unsigned count = makeMessages(from, to);
    const int sent = ::sendmmsg(listener.fd(), messages_.data(), count, 0);
    for (const std::size_t end = firsts_[static_cast<unsigned>(std::max(sent, 0))]; from < end; ++from) {
      sessions_[from]->countReply(pieces_[from].iov_len);
    }
    if (sent < 0) from = failed(from, errno);
  }
}

/** The first of the messages was not sent: returns the reply to go on with. */
std::size_t Replies::failed(std::size_t from, int error) {
  UdpListener& listener = sessions_[from]->listener();
  const std::size_t end = firsts_[1];
  const bool isExceeded = end - from > 1 && sessions_[from]->replyLimit().isExceeded(error, pieces_[from].iov_len);
  if (error == EINTR || isExceeded) return from;
  for (; from < end; ++from) listener.drop(lossOf(error));
  return from;
}

unsigned Replies::makeMessages(std::size_t from, std::size_t to) {
  unsigned made = 0;
  for (std::size_t count = 0; from < to; from += count) {
    std::size_t most = 1;
    while (from + most < to && sessions_[from + most] == sessions_[from]) ++most;
    count = segmentsFrom(most, sessions_[from]->replyLimit(), [&](std::size_t at) { return pieces_[from + at].iov_len; });
    const Address& peer = sessions_[from]->peer();
    msghdr& header = messages_[made].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr*>(peer.get());
    header.msg_namelen = peer.size();
    header.msg_iov = &pieces_[from];
    header.msg_iovlen = count;
    if (count > 1) segmentSizes_[made].addTo(header, pieces_[from].iov_len);
    firsts_[made++] = from;
  }
  firsts_[made] = to;
  return made;
}

}  // namespace sluice
