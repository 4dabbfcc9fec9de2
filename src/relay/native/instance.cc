#include "instance.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sluice {

namespace {
/** How many events JavaScript is given at once. */
constexpr std::size_t kEventsPerCall = 512;
}  // namespace

Instance::Instance(napi_env env, int threads, std::size_t bufferBytes, int mostPipes, int turnsAtHome,
                   std::size_t outboxBytes, napi_value time, double now, Event* events, napi_value owner)
    : env_(env), events_(events) {
  napi_create_reference(env, owner, 1, &owner_);
  auto* const cell = static_cast<double*>(bytesOf(env, time).data);
  if (cell != nullptr) napi_create_reference(env, time, 1, &time_);
  napi_async_init(env, nullptr, text(env, "sluice"), &context_);
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  engine_.emplace(EngineInit{loop, threads, bufferBytes, mostPipes, turnsAtHome, outboxBytes, Clock(now, cell),
                             [this] { deliver(); }, [this] { return grow(); }});
}

void Instance::close() {
  if (!engine_) return;
  engine_.reset();
  napi_async_destroy(env_, context_);
  napi_delete_reference(env_, owner_);
  if (time_ != nullptr) napi_delete_reference(env_, time_);
}

/** Calls `owner.onEvents(count)` until there are none. */
void Instance::deliver() {
  if (isDelivering_) return;
  isDelivering_ = true;
  for (engine_->take(batch_); !batch_.empty(); engine_->take(batch_)) {
    for (std::size_t from = 0; from < batch_.size(); from += kEventsPerCall) {
      deliver(from, std::min(kEventsPerCall, batch_.size() - from));
    }
    batch_.clear();
  }
  isDelivering_ = false;
}

void Instance::deliver(std::size_t from, std::size_t count) {
  const Scope scope(env_);
  std::memcpy(events_, batch_.data() + from, count * sizeof(Event));
  call("onEvents", number(env_, static_cast<double>(count)));
  for (std::size_t index = from; index < from + count; ++index) {
    const Event& event = batch_[index];
    if (event.kind == EventKind::closed) engine_->forget(event.slot);
    else if (event.kind == EventKind::udpClosed) engine_->udp().forget(event.slot);
    else if (event.kind == EventKind::udpStopped) engine_->forgetUdpListener(event.first);
  }
}

Cells* Instance::grow() {
  constexpr std::size_t size = sizeof(Cells) * Slots::kChunk;
  void* memory = std::aligned_alloc(alignof(Cells), size);
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0, size);
  const Scope scope(env_);
  napi_value buffer = nullptr;
  const auto release = [](napi_env, void* data, void*) { std::free(data); };
  if (napi_create_external_arraybuffer(env_, memory, size, release, nullptr, &buffer) != napi_ok) {
    std::free(memory);
    return nullptr;
  }
  call("onCells", buffer);
  return static_cast<Cells*>(memory);
}

void Instance::call(const char* name, napi_value argument) {
  napi_value owner = nullptr;
  napi_value function = nullptr;
  napi_get_reference_value(env_, owner_, &owner);
  napi_get_named_property(env_, owner, name, &function);
  napi_value result = nullptr;
  if (napi_make_callback(env_, context_, owner, function, 1, &argument, &result) == napi_pending_exception) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env_, &error);
    napi_fatal_exception(env_, error);
  }
}

}  // namespace sluice
