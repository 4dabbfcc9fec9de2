#pragma once

#include <node_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "socket.h"

namespace sluice {

/** The few forms in which the addon speaks with JavaScript. */

class Scope {
 public:
  explicit Scope(napi_env env) : env_(env) { napi_open_handle_scope(env, &scope_); }
  ~Scope() { napi_close_handle_scope(env_, scope_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

inline napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

inline napi_value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

inline napi_value text(napi_env env, const char* value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

struct Bytes {
  void* data = nullptr;
  std::size_t size = 0;

  std::string_view text() const { return {static_cast<const char*>(data), size}; }
};

/** Of a typed array; valid during the call, and as long as JavaScript keeps the array. */
inline Bytes bytesOf(napi_env env, napi_value array) {
  Bytes bytes;
  bool is = false;
  if (napi_is_typedarray(env, array, &is) != napi_ok || !is) return bytes;
  napi_typedarray_type type = napi_uint8_array;
  std::size_t length = 0;
  napi_get_typedarray_info(env, array, &type, &length, &bytes.data, nullptr, nullptr);
  bytes.size = type == napi_int32_array ? length * 4 : length;
  return bytes;
}

/** The arguments of a call. What is not there is 0, or no bytes. */
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    std::size_t count = values_.size();
    napi_get_cb_info(env, info, &count, values_.data(), nullptr, nullptr);
  }

  napi_env env() const { return env_; }
  napi_value operator[](std::size_t index) const { return values_[index]; }

  std::int32_t integer(std::size_t index) const {
    std::int32_t value = 0;
    napi_get_value_int32(env_, values_[index], &value);
    return value;
  }

  double number(std::size_t index) const {
    double value = 0;
    napi_get_value_double(env_, values_[index], &value);
    return value;
  }

  void* external(std::size_t index) const {
    void* value = nullptr;
    napi_get_value_external(env_, values_[index], &value);
    return value;
  }

  /** See `bytesOf`. */
  Bytes bytes(std::size_t index) const { return bytesOf(env_, values_[index]); }

 private:
  napi_env env_;
  std::array<napi_value, 9> values_{};
};

/** 4 or 16 bytes of an address, then 2 of the port, all in network order. */
inline Address addressOf(const Bytes& bytes) {
  const auto* data = static_cast<const std::uint8_t*>(bytes.data);
  const bool isV6 = bytes.size == 18;
  if (bytes.size != 6 && !isV6) return {};
  const auto* port = data + bytes.size - 2;
  return {data, isV6, static_cast<std::uint16_t>(port[0] << 8 | port[1])};
}

/** Calls `body`; a std::system_error becomes an Error with the number in `errno` and the call in `syscall`. */
template <typename Body>
napi_value guarded(napi_env env, Body body) {
  try {
    return body();
  } catch (const std::system_error& error) {
    napi_value thrown = nullptr;
    napi_create_error(env, nullptr, text(env, error.what()), &thrown);
    napi_set_named_property(env, thrown, "errno", number(env, error.code().value()));
    napi_throw(env, thrown);
    return nullptr;
  }
}

inline napi_property_descriptor method(const char* name, napi_callback call) {
  return {name, nullptr, call, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace sluice
