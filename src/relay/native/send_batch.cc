#include "send_batch.h"

#include <cerrno>

#include "udp_session.h"

namespace sluice {

namespace {
std::string_view textOf(const iovec& bytes) { return {static_cast<const char*>(bytes.iov_base), bytes.iov_len}; }
}  // namespace

void SendBatch::add(UdpSession& session, std::string_view datagram) {
  sessions_[count_] = &session;
  datagrams_[count_++] = {const_cast<char*>(datagram.data()), datagram.size()};
  if (count_ == kMost) send();
}

void SendBatch::send() {
  if (count_ == 0) return;
  makeMessages();
  std::array<int, kMost> results;
  results.fill(Ring::kNotSent);
  if (ring_) {
    for (std::size_t index = 0; index < messageCount_; ++index) queue(messages_[index]);
    if (!ring_->submit(results)) ring_.reset();
  }
  if (!ring_) sendEach(results);
  for (std::size_t index = 0; index < messageCount_; ++index) tell(messages_[index], results[index]);
  count_ = 0;
}

void SendBatch::makeMessages() {
  messageCount_ = 0;
  for (std::size_t from = 0, count = 0; from < count_; from += count) {
    std::size_t most = 1;
    while (from + most < count_ && sessions_[from + most] == sessions_[from]) ++most;
    const auto sizeAt = [&](std::size_t at) { return datagrams_[from + at].iov_len; };
    count = most == 1 ? 1 : segmentsFrom(most, sessions_[from]->segmentLimit(), sizeAt);
    Message& message = messages_[messageCount_++];
    message.from = from;
    message.count = count;
    message.header = {};
    message.header.msg_iov = &datagrams_[from];
    message.header.msg_iovlen = count;
    if (count > 1) message.segmentSize.addTo(message.header, datagrams_[from].iov_len);
  }
}

void SendBatch::queue(const Message& message) {
  const int fd = sessions_[message.from]->socket();
  if (message.count > 1) ring_->send(fd, message.header);
  else ring_->send(fd, textOf(datagrams_[message.from]));
}

void SendBatch::sendEach(std::span<int> results) {
  for (std::size_t index = 0; index < messageCount_; ++index) {
    if (results[index] != Ring::kNotSent) continue;
    const auto& [from, count, header, segmentSize] = messages_[index];
    const int fd = sessions_[from]->socket();
    const ssize_t sent = uninterrupted([&] { return ::sendmsg(fd, &header, 0); });
    results[index] = sent < 0 ? -errno : static_cast<int>(sent);
  }
}

void SendBatch::tell(const Message& message, long result) {
  UdpSession& session = *sessions_[message.from];
  const iovec* datagrams = &datagrams_[message.from];
  const bool isExceeded =
      message.count > 1 && result < 0 && session.segmentLimit().isExceeded(static_cast<int>(-result), datagrams->iov_len);
  for (std::size_t index = 0; index < message.count; ++index) {
    if (isExceeded) session.send(textOf(datagrams[index]));
    else session.sent(textOf(datagrams[index]), result);
  }
}

}  // namespace sluice
