#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/generic/request_context.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// Decoded query parameters, in order.
class Query {
 public:
  static Result<Query> parse(std::string_view text);
  /// The first value; empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// As Go's strconv.ParseBool; absent, empty or odd: false.
  [[nodiscard]] bool flag(std::string_view name) const;
  /// As upstream reads boolean options: there, and neither "false" nor "0".
  [[nodiscard]] bool option(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// BadRequest for broken percent-encoding.
Result<RequestInfo> parseRequestInfo(std::string_view method, std::string_view path,
                                     const Query& query);

/// Of what a body is held against: a namespace is in itself.
inline const std::string& namespaceOf(const RequestInfo& info) {
  return info.resource == "namespaces" && info.group.empty() ? info.name : info.ns;
}

/// %41 -> A. BadRequest.
Result<std::string> percentDecode(std::string_view text, bool plusIsSpace);

}  // namespace coxswain::apiserver
