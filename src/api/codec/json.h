#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/info.h"
#include "api/reflect/object.h"
#include "base/result.h"

namespace coxswain::api {

struct JsonEncodeOptions {
  /// Of the outermost object; empty: those of its type. A type without a kind has neither.
  std::string_view apiVersion = {};
  std::string_view kind = {};
  bool typeMeta = true;      ///< false: neither is written
  bool elementKinds = true;  ///< kind and apiVersion in volumeClaimTemplates, as the server answers
  bool pretty = false;       ///< lines and two spaces, as Go's Indent
  bool newline = false;      ///< at the end, as Go's Encoder
  bool managedFields = true;  ///< false: left out, wherever they stand
};

/// Appends JSON as Go's encoding/json writes the upstream struct: members in schema order, kind and
/// apiVersion first, empty ones left out or null by the schema's rules, map keys sorted, HTML
/// escaped. RawExtension and its like are made compact; `null` where they are not JSON.
void encodeJson(const MessageInfo& info, const void* object, std::string& out,
                const JsonEncodeOptions& options = {});

template <typename T>
requires requires {
  T::kInfo;
}
std::string encodeJson(const T& object, const JsonEncodeOptions& options = {}) {
  std::string out;
  encodeJson(T::info(), &object, out, options);
  return out;
}
inline std::string encodeJson(const Object& object, const JsonEncodeOptions& options = {}) {
  std::string out;
  encodeJson(object.info(), object.data(), out, options);
  return out;
}
inline std::string encodeJson(const ConstObject& object, const JsonEncodeOptions& options = {}) {
  std::string out;
  encodeJson(object.info(), object.data(), out, options);
  return out;
}

struct JsonDecodeOptions {
  int depth = 500;  ///< of nested messages and lists that the schema knows
  /// Bytes of structs and containers a text may grow to, beyond 32 times its own size.
  size_t memory = 64U << 20;
};

/// What decoding found out besides the object.
struct JsonReport {
  std::string apiVersion;  ///< as the text says; empty where it does not
  std::string kind;
  /// In the order found, each once, at most 100: `unknown field "spec.foo"`,
  /// `duplicate field "spec.foo"`.
  std::vector<std::string> strict;
};

/// Reads into `object`, a new one. Names are compared exactly; unknown members are skipped and,
/// like duplicate ones (the last wins), reported. null leaves zero. Failures are BadRequest with
/// Go's text ("json: cannot unmarshal string into Go struct field ... of type int32"); the object
/// is then half filled.
Status decodeJson(const MessageInfo& info, std::string_view text, void* object,
                  JsonReport* report = nullptr, const JsonDecodeOptions& options = {});

template <typename T>
requires requires {
  T::kInfo;
}
Result<T> decodeJson(std::string_view text, JsonReport* report = nullptr,
                     const JsonDecodeOptions& options = {}) {
  T object;
  TRY_STATUS(decodeJson(T::info(), text, &object, report, options));
  return object;
}

/// kind and apiVersion of the outermost object.
struct JsonKind {
  std::string apiVersion;
  std::string kind;
};

/// Reads the whole text once, so that broken JSON is found. The failure is the bare cause, such as
/// "unexpected end of JSON input".
Result<JsonKind> peekJsonType(std::string_view text);

/// By its own kind and apiVersion. BadRequest for a kind that is not registered.
Result<Object> decodeJsonObject(std::string_view text, JsonReport* report = nullptr,
                                const JsonDecodeOptions& options = {});

/// "strict decoding error: unknown field \"a\", duplicate field \"b\""; empty list: success.
Status strictStatus(const JsonReport& report);

}  // namespace coxswain::api
