#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "api/codec/json.h"
#include "api/reflect/info.h"
#include "base/result.h"

namespace coxswain::api {

// Dynamic JSON: boost::json::value (include <boost/json/value.hpp> to look into one). For patches,
// custom resources and whatever has no struct. Numbers are int64 where they fit, else double.

/// The same rules, errors and limits as decodeJson. Duplicate keys: the last wins, reported.
Result<boost::json::value> parseJsonValue(std::string_view text, JsonReport* report = nullptr,
                                          const JsonDecodeOptions& options = {});

/// As Go writes a map[string]interface{}: keys sorted, HTML escaped. Depth costs stack: only for
/// values that were built within limits.
void writeJsonValue(const boost::json::value& value, std::string& out, bool pretty = false);
std::string writeJsonValue(const boost::json::value& value);

/// The value that encodeJson's text would parse to. Keys stay in schema order.
boost::json::value encodeValue(const MessageInfo& info, const void* object,
                               const JsonEncodeOptions& options = {});
/// The same in the caller's memory (include <boost/json/monotonic_resource.hpp>): for a tree that
/// lives as long as one call.
boost::json::value encodeValue(const MessageInfo& info, const void* object,
                               const JsonEncodeOptions& options, boost::json::storage_ptr storage);

/// As decodeJson of the value's text.
Status decodeValue(const MessageInfo& info, const boost::json::value& value, void* object,
                   JsonReport* report = nullptr, const JsonDecodeOptions& options = {});

template <typename T>
requires requires {
  T::kInfo;
}
Result<T> decodeValue(const boost::json::value& value, JsonReport* report = nullptr) {
  T object;
  TRY_STATUS(decodeValue(T::info(), value, &object, report));
  return object;
}

}  // namespace coxswain::api
