#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace coxswain::net {

/// "a%20b" -> "a b"; with `plusIsSpace` (queries) also "a+b". BadRequest for a broken escape.
Result<std::string> percentDecode(std::string_view text, bool plusIsSpace);
/// Escapes everything but letters, digits and "-_.~". For one path segment, or a query value.
std::string percentEncode(std::string_view text);

/// A query's fields in their order.
class Query {
 public:
  /// "a=1&b=x%20y"; fields without "=" have the empty value. BadRequest for a broken escape.
  static Result<Query> parse(std::string_view text);

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// The first value; nullopt when absent.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// The first value, or empty.
  [[nodiscard]] std::string get(std::string_view name) const { return find(name).value_or(""); }
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// Encoded, without "?".
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// "/a/b%2Fc/" -> {"a", "b/c"}: decoded segments of a path; empty ones are left out. BadRequest.
Result<std::vector<std::string>> pathSegments(std::string_view path);

/// "http://host:port/path?query" in its parts. `target` is path and query, "/" when missing.
struct Url {
  std::string scheme;
  std::string host;  ///< with port, as written
  std::string target;
};
Result<Url> parseUrl(std::string_view text);

}  // namespace coxswain::net
