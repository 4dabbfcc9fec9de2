#include "poll.h"

#include <cstdlib>
#include <system_error>

namespace sluice {

namespace {
template <typename Handle>
Handle* makeHandle(uv_handle_type type) {
  return static_cast<Handle*>(std::calloc(1, uv_handle_size(type)));
}

void closeHandle(uv_handle_t* handle) {
  uv_close(handle, [](uv_handle_t* closed) { std::free(closed); });
}

void setRef(uv_handle_t* handle, bool yes) {
  if (yes) uv_ref(handle);
  else uv_unref(handle);
}

void check(int status, uv_handle_t* handle, const char* call) {
  if (status == 0) return;
  std::free(handle);
  throw std::system_error(-status, std::generic_category(), call);
}
}  // namespace

Poll::Poll(uv_loop_t* loop, int fd, std::function<void()> readable)
    : handle_(makeHandle<uv_poll_t>(UV_POLL)), readable_(std::move(readable)) {
  check(uv_poll_init(loop, handle_, fd), reinterpret_cast<uv_handle_t*>(handle_), "uv_poll_init");
  handle_->data = this;
}

Poll::~Poll() { closeHandle(reinterpret_cast<uv_handle_t*>(handle_)); }

void Poll::start() {
  uv_poll_start(handle_, UV_READABLE, [](uv_poll_t* handle, int, int) { static_cast<Poll*>(handle->data)->readable_(); });
}

void Poll::stop() { uv_poll_stop(handle_); }

void Poll::keepAlive(bool yes) { setRef(reinterpret_cast<uv_handle_t*>(handle_), yes); }

Wakeup::Wakeup(uv_loop_t* loop, std::function<void()> woken)
    : handle_(makeHandle<uv_async_t>(UV_ASYNC)), woken_(std::move(woken)) {
  handle_->data = this;
  const int status = uv_async_init(loop, handle_, [](uv_async_t* handle) { static_cast<Wakeup*>(handle->data)->woken_(); });
  check(status, reinterpret_cast<uv_handle_t*>(handle_), "uv_async_init");
}

Wakeup::~Wakeup() { closeHandle(reinterpret_cast<uv_handle_t*>(handle_)); }

void Wakeup::wake() { uv_async_send(handle_); }

void Wakeup::keepAlive(bool yes) { setRef(reinterpret_cast<uv_handle_t*>(handle_), yes); }

}  // namespace sluice
