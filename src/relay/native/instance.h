#pragma once

#include <node_api.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "engine.h"
#include "napi.h"

namespace sluice {

/** One engine and what it calls in JavaScript. */
class Instance {
 public:
  /** `time`: an array whose number `Clock` reads, or undefined. */
  Instance(napi_env env, int threads, std::size_t bufferBytes, int mostPipes, int turnsAtHome,
           std::size_t outboxBytes, napi_value time, double now, Event* events, napi_value owner);
  ~Instance() { close(); }

  /** Must not be called from what the engine calls. */
  void close();
  /** nullptr: it was closed. */
  Engine* engine() { return engine_ ? &*engine_ : nullptr; }

 private:
  void deliver();
  void deliver(std::size_t from, std::size_t count);
  Cells* grow();
  void call(const char* name, napi_value argument);

  napi_env env_;
  Event* events_;
  napi_ref owner_ = nullptr;
  napi_ref time_ = nullptr;
  napi_async_context context_ = nullptr;
  std::vector<Event> batch_;
  bool isDelivering_ = false;
  std::optional<Engine> engine_;
};

inline Instance& instanceOf(const Arguments& in) { return *static_cast<Instance*>(in.external(0)); }

/** A call of an engine, its first argument. Once that was closed, nothing happens. */
template <napi_value (*body)(const Arguments& in, Engine& engine)>
napi_value onEngine(napi_env env, napi_callback_info info) {
  const Arguments in(env, info);
  Engine* engine = instanceOf(in).engine();
  return engine == nullptr ? nullptr : body(in, *engine);
}

/** Adds the calls about UDP to `exports`. */
void defineUdp(napi_env env, napi_value exports);

}  // namespace sluice
