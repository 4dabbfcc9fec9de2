#include "ring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

namespace sluice {

Mapping::Mapping(int fd, std::size_t size, std::uint64_t offset) : size_(size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(offset));
  if (data != MAP_FAILED) data_ = data;
}

Mapping::Mapping(Mapping&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

std::unique_ptr<Ring> Ring::make(unsigned entries) {
  std::unique_ptr<Ring> ring(new Ring());
  return ring->map(entries) ? std::move(ring) : nullptr;
}

bool Ring::map(unsigned entries) {
  io_uring_params params{};
  fd_ = Fd(static_cast<int>(::syscall(__NR_io_uring_setup, entries, &params)));
  // Both rings in one mapping, and IORING_OP_SEND with the other feature (5.6).
  constexpr unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_RW_CUR_POS;
  if (!fd_) return false;
  if ((params.features & needed) != needed) return errno = ENOSYS, false;
  const std::size_t requests = params.sq_off.array + params.sq_entries * sizeof(std::uint32_t);
  const std::size_t completions = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  rings_ = Mapping(fd_.get(), std::max(requests, completions), IORING_OFF_SQ_RING);
  requests_ = Mapping(fd_.get(), params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (!rings_ || !requests_) return false;
  mask_ = *rings_.at<std::uint32_t>(params.sq_off.ring_mask);
  tail_ = rings_.at<std::uint32_t>(params.sq_off.tail);
  array_ = rings_.at<std::uint32_t>(params.sq_off.array);
  doneHead_ = rings_.at<std::uint32_t>(params.cq_off.head);
  doneTail_ = rings_.at<std::uint32_t>(params.cq_off.tail);
  doneMask_ = *rings_.at<std::uint32_t>(params.cq_off.ring_mask);
  done_ = params.cq_off.cqes;
  return true;
}

void Ring::send(int fd, std::string_view bytes) { queue(IORING_OP_SEND, fd, bytes.data(), bytes.size()); }

void Ring::send(int fd, const msghdr& message) { queue(IORING_OP_SENDMSG, fd, &message, 1); }

void Ring::queue(int operation, int fd, const void* address, std::size_t length) {
  const std::uint32_t tail = *tail_;
  const std::uint32_t at = tail & mask_;
  io_uring_sqe& request = requests_.at<io_uring_sqe>(0)[at];
  request = {};
  request.opcode = static_cast<std::uint8_t>(operation);
  request.fd = fd;
  request.addr = reinterpret_cast<std::uint64_t>(address);
  request.len = static_cast<std::uint32_t>(length);
  // Done or failed while it is submitted: never later.
  request.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  request.user_data = queued_++;
  array_[at] = at;
  std::atomic_ref(*tail_).store(tail + 1, std::memory_order_release);
}

bool Ring::submit(std::span<int> results) {
  const unsigned count = std::exchange(queued_, 0);
  std::fill_n(results.begin(), count, kNotSent);
  const bool isDone = enter(count);
  std::uint32_t head = *doneHead_;
  const std::uint32_t tail = std::atomic_ref(*doneTail_).load(std::memory_order_acquire);
  for (; head != tail; ++head) {
    const auto& completion = rings_.at<io_uring_cqe>(done_)[head & doneMask_];
    results[completion.user_data] = completion.res;
  }
  std::atomic_ref(*doneHead_).store(head, std::memory_order_release);
  return isDone;
}

/** Submits them all, and is back when all are done. */
bool Ring::enter(unsigned count) {
  for (unsigned left = count; left > 0;) {
    const auto done = ::syscall(__NR_io_uring_enter, fd_.get(), left, left, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (done < 0 && errno != EINTR) return false;
    if (done > 0) left -= static_cast<unsigned>(done);
  }
  return true;
}

}  // namespace sluice
