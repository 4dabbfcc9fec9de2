#include <cerrno>
#include <cstdint>
#include <iterator>
#include <system_error>
#include <utility>

#include "instance.h"
#include "napi.h"

/** The calls about UDP; `addon.ts` says what each does. */
namespace sluice {
namespace {

napi_value listenUdp(const Arguments& in, Engine& engine) {
  return guarded(in.env(), [&] {
    UdpOptions options;
    options.buffers = {in.integer(2), in.integer(3)};
    options.freeBind = (in.integer(5) & 4) != 0;
    options.mark = in.integer(6);
    options.rings = (in.integer(5) & 16) != 0;
    const auto id = engine.udp().listen(addressOf(in.bytes(1)), options);
    engine.keepAlive();
    const auto granted = engine.udp().granted(id);
    auto* sizes = static_cast<std::int32_t*>(in.bytes(4).data);
    sizes[0] = granted.receive;
    sizes[1] = granted.send;
    return number(in.env(), id);
  });
}

napi_value trustUdp(const Arguments& in, Engine& engine) {
  engine.udp().trust(in.integer(1), in.bytes(2).text());
  return nullptr;
}

napi_value stopUdp(const Arguments& in, Engine& engine) {
  engine.udp().stop(in.integer(1));
  engine.nudge();
  return nullptr;
}

napi_value admitUdp(const Arguments& in, Engine& engine) {
  return guarded(in.env(), [&] {
    const auto slot = engine.takeSlot();
    if (slot < 0) throw std::system_error(ENOMEM, std::generic_category(), "session");
    engine.udp().admit(in.integer(1), static_cast<std::uint32_t>(in.integer(2)), slot);
    return number(in.env(), slot);
  });
}

napi_value refuseUdp(const Arguments& in, Engine& engine) {
  engine.udp().refuse(in.integer(1), static_cast<std::uint32_t>(in.integer(2)), in.integer(3));
  engine.nudge();
  return nullptr;
}

napi_value dialUdp(const Arguments& in, Engine& engine) {
  const auto [endpoint, source] = std::pair(addressOf(in.bytes(2)), addressOf(in.bytes(5)));
  engine.udp().dial(in.integer(1), endpoint, source, in.bytes(3).text(), in.integer(4) != 0);
  engine.nudge();
  return nullptr;
}

napi_value releaseUdp(const Arguments& in, Engine& engine) {
  engine.udp().release(in.integer(1));
  return nullptr;
}

napi_value closeUdp(const Arguments& in, Engine& engine) {
  engine.udp().close(in.integer(1), in.integer(2) != 0);
  engine.nudge();
  return nullptr;
}

}  // namespace

void defineUdp(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      method("listenUdp", onEngine<listenUdp>),   method("trustUdp", onEngine<trustUdp>),
      method("stopUdp", onEngine<stopUdp>),       method("admitUdp", onEngine<admitUdp>),
      method("refuseUdp", onEngine<refuseUdp>),   method("dialUdp", onEngine<dialUdp>),
      method("releaseUdp", onEngine<releaseUdp>), method("closeUdp", onEngine<closeUdp>),
  };
  napi_define_properties(env, exports, std::size(functions), functions);
}

}  // namespace sluice
