#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace coxswain::api {

/// runtime.RawExtension: an object whose kind is known only when read. `raw` is JSON text (or, in
/// protobuf, whatever bytes the sender encoded). Empty: absent, `null` in JSON.
struct RawExtension {
  std::string raw;
  bool operator==(const RawExtension&) const = default;
};

/// metav1.FieldsV1: a set of fields as JSON text ({"f:metadata":{...}}), the same in protobuf.
struct FieldsV1 {
  std::string raw;
  bool operator==(const FieldsV1&) const = default;
};

/// Any JSON value as text, kept as it came (JSON schema defaults, examples and such).
struct RawJson {
  std::string raw;
  bool operator==(const RawJson&) const = default;
};

/// []byte: bytes in memory, base64 in JSON. Secret.data and its like.
struct Bytes {
  std::string data;

  Bytes() = default;
  Bytes(std::string bytes) : data(std::move(bytes)) {}  // NOLINT
  Bytes(std::string_view bytes) : data(bytes) {}        // NOLINT
  Bytes(const char* text) : data(text) {}               // NOLINT
  [[nodiscard]] bool empty() const { return data.empty(); }
  [[nodiscard]] size_t size() const { return data.size(); }
  operator std::string_view() const { return data; }  // NOLINT
  bool operator==(const Bytes&) const = default;
};

}  // namespace coxswain::api
