#pragma once

#include <string>
#include <string_view>

#include "cli/resources/json.h"

namespace coxswain::cli {

/// The schemas of an OpenAPI document: version 3 (of one group version) or 2 (of all). Follows
/// references; depth is bounded, so that a server cannot lead us in circles.
class SchemaDocument {
 public:
  SchemaDocument(json::value document, bool v2) : document_(std::move(document)), v2_(v2) {}

  /// Null: there is none.
  [[nodiscard]] const json::value* ofKind(std::string_view group, std::string_view version,
                                          std::string_view kind) const;
  /// What a schema stands for: references and single allOf followed. Null: leads nowhere.
  [[nodiscard]] const json::value* resolve(const json::value* schema) const;
  /// "[]Container", "map[string]string", "integer".
  [[nodiscard]] std::string typeOf(const json::value& schema, int depth = 0) const;
  /// The same with Object for every struct.
  [[nodiscard]] std::string plainTypeOf(const json::value& schema, int depth = 0) const;
  /// The schema whose properties are the fields below this one.
  [[nodiscard]] const json::value* structOf(const json::value* schema) const;

 private:
  [[nodiscard]] const json::object& schemas() const;
  [[nodiscard]] const json::value* named(std::string_view name) const;
  /// The name a reference leads to; empty: it is none.
  [[nodiscard]] std::string referenceOf(const json::value& schema) const;

  json::value document_;
  bool v2_;
};

}  // namespace coxswain::cli
