// The native parsers of bytes that others have sent, for the test proxy-header.test.ts to call.
#include <node_api.h>

#include <algorithm>
#include <memory>

#include "../../src/relay/native/napi.h"
#include "../../src/relay/native/proxy_header.h"

namespace fuzz {
namespace {

/** A copy that ends where the bytes end: AddressSanitizer sees whoever reads on. */
class Exact {
 public:
  explicit Exact(const sluice::Bytes& bytes) : copy_(new char[bytes.size]), size_(bytes.size) {
    std::copy_n(static_cast<const char*>(bytes.data), bytes.size, copy_.get());
  }
  std::string_view view() const { return {copy_.get(), size_}; }

 private:
  std::unique_ptr<char[]> copy_;
  std::size_t size_;
};

/** `readOrigin(datagram, client)`: the kind; what the header has is written to `client`: its length, the address and port. */
napi_value readOrigin(napi_env env, napi_callback_info info) {
  const sluice::Arguments in(env, info);
  const Exact datagram(in.bytes(0));
  const auto origin = sluice::readProxyHeader(datagram.view());
  auto* to = static_cast<std::int32_t*>(in.bytes(1).data);
  to[0] = static_cast<std::int32_t>(origin.length);
  to[1] = origin.client.port();
  to[2] = origin.client.isV6() ? 16 : 4;
  std::copy_n(origin.client.bytes(), to[2], to + 3);
  return sluice::number(env, static_cast<double>(origin.kind));
}

/** `trusts(networks, address)`, see TrustedNetworks. */
napi_value trusts(napi_env env, napi_callback_info info) {
  const sluice::Arguments in(env, info);
  const Exact networks(in.bytes(0));
  const sluice::TrustedNetworks trusted(networks.view());
  return sluice::boolean(env, !trusted.isEmpty() && trusted.has(sluice::addressOf(in.bytes(1))));
}

}  // namespace
}  // namespace fuzz

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      sluice::method("readOrigin", fuzz::readOrigin),
      sluice::method("trusts", fuzz::trusts),
  };
  napi_define_properties(env, exports, std::size(functions), functions);
  return exports;
}
