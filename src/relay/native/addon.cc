#include <malloc.h>
#include <node_api.h>

#include <cerrno>

#include "instance.h"
#include "napi.h"
#include "ring.h"
#include "send_batch.h"

/** The engine as JavaScript calls it; `addon.ts` has the types and says what each call does. */
namespace sluice {
namespace {

napi_value create(napi_env env, napi_callback_info info) {
  const Arguments in(env, info);
  auto* events = static_cast<Event*>(in.bytes(1).data);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); };
  return guarded(env, [&] {
    auto* instance = new Instance(env, in.integer(2), static_cast<std::size_t>(in.integer(3)), in.integer(4), in.integer(5),
                                  static_cast<std::size_t>(in.integer(6)), in[8], in.number(7), events, in[0]);
    napi_value result = nullptr;
    napi_create_external(env, instance, finalize, nullptr, &result);
    return result;
  });
}

napi_value close(napi_env env, napi_callback_info info) {
  instanceOf({env, info}).close();
  return nullptr;
}

napi_value trim(napi_env, napi_callback_info) {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  return nullptr;
}

/** A call about a flow, the second argument. Once that has closed, nothing happens. */
template <napi_value (*body)(const Arguments& in, TcpFlow& flow)>
napi_value onFlow(napi_env env, napi_callback_info info) {
  const Arguments in(env, info);
  Engine* engine = instanceOf(in).engine();
  TcpFlow* flow = engine == nullptr ? nullptr : engine->flow(in.integer(1));
  return flow == nullptr ? nullptr : body(in, *flow);
}

napi_value listenTcp(const Arguments& in, Engine& engine) {
  return guarded(in.env(), [&] {
    ListenOptions options;
    options.backlog = in.integer(2);
    const int flags = in.integer(3);
    options.tcp.noDelay = (flags & 1) != 0;
    options.tcp.measures = (flags & 2) != 0;
    options.freeBind = (flags & 4) != 0;
    options.transparent = (flags & 8) != 0;
    options.acceptsPerTurn = in.integer(4);
    options.deferAcceptSeconds = in.integer(5);
    options.tcp.mark = in.integer(6);
    return number(in.env(), engine.listenTcp(addressOf(in.bytes(1)), options));
  });
}

napi_value configureTcp(const Arguments& in, Engine& engine) {
  const int flags = in.integer(2);
  if (auto* listener = engine.listener(in.integer(1))) {
    listener->configure((flags & 1) != 0, (flags & 2) != 0, in.integer(3));
  }
  return nullptr;
}

napi_value stopListening(const Arguments& in, Engine& engine) {
  engine.stopListening(in.integer(1));
  engine.nudge();
  return nullptr;
}

napi_value resumeListening(const Arguments& in, Engine& engine) {
  if (auto* listener = engine.listener(in.integer(1))) listener->resume();
  return nullptr;
}

napi_value dial(const Arguments& in, Engine& engine) {
  const auto [endpoint, source] = std::pair(addressOf(in.bytes(2)), addressOf(in.bytes(4)));
  const int result = engine.dial(in.integer(1), endpoint, source, in.bytes(3).text());
  engine.nudge();
  return number(in.env(), result);
}

napi_value abort(const Arguments& in, Engine& engine) {
  engine.command(in.integer(1), [](TcpFlow& flow) { flow.abort(); });
  engine.nudge();
  return nullptr;
}

napi_value keepAlive(const Arguments& in, Engine& engine) {
  engine.command(in.integer(1), [idleSeconds = in.integer(2), userTimeoutMs = in.integer(3)](TcpFlow& flow) {
    flow.keepAlive(idleSeconds, userTimeoutMs);
  });
  return nullptr;
}

napi_value giveUp(const Arguments&, TcpFlow& flow) {
  flow.giveUp();
  return nullptr;
}

napi_value refusal(napi_env env, napi_callback_info info) {
  const Arguments in(env, info);
  const auto option = in.integer(0);
  if (option == 3) return number(env, Ring::make(SendBatch::kMost) ? 0 : errno);
  const Fd fd = openSocket(AF_INET, SOCK_STREAM);
  const bool isTaken = option == 1 ? setOption(fd.get(), SOL_SOCKET, SO_MARK, 1) : makeTransparent(fd.get(), AF_INET);
  return number(env, isTaken ? 0 : errno);
}

napi_value hasClient(const Arguments& in, TcpFlow& flow) { return boolean(in.env(), flow.hasClient()); }

napi_value watchHead(const Arguments& in, TcpFlow& flow) { return boolean(in.env(), flow.watchHead()); }

napi_value peek(const Arguments& in, TcpFlow& flow) {
  const auto to = in.bytes(2);
  const ssize_t size = flow.peek(static_cast<char*>(to.data), to.size);
  return number(in.env(), static_cast<double>(size < 0 ? -errno : size));
}

napi_value drop(const Arguments& in, TcpFlow& flow) {
  return boolean(in.env(), flow.drop(static_cast<std::size_t>(in.integer(2))));
}

}  // namespace
}  // namespace sluice

NAPI_MODULE_INIT() {
  using namespace sluice;
  const napi_property_descriptor functions[] = {
      method("create", create),
      method("close", close),
      method("refusal", refusal),
      method("trim", trim),
      method("listenTcp", onEngine<listenTcp>),
      method("configureTcp", onEngine<configureTcp>),
      method("stopListening", onEngine<stopListening>),
      method("resumeListening", onEngine<resumeListening>),
      method("dial", onEngine<dial>),
      method("abort", onEngine<abort>),
      method("keepAlive", onEngine<keepAlive>),
      method("giveUp", onFlow<giveUp>),
      method("watchHead", onFlow<watchHead>),
      method("hasClient", onFlow<hasClient>),
      method("peek", onFlow<peek>),
      method("drop", onFlow<drop>),
  };
  napi_define_properties(env, exports, std::size(functions), functions);
  defineUdp(env, exports);
  return exports;
}
