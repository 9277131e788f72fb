#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// A kubectl JSONPath template: text with `{...}` actions of fields, indices, slices, unions,
/// filters, recursive descent, quoted text and `{range}...{end}`. Immutable after parsing.
/// Upstream: client-go/util/jsonpath.
class JsonPath {
 public:
  /// Fault in upstream's words ("unclosed action", "unrecognized character in action: ...").
  static Result<JsonPath> parse(std::string_view text);
  ~JsonPath();
  JsonPath(JsonPath&&) noexcept;
  JsonPath& operator=(JsonPath&&) noexcept;

  struct Options {
    bool allowMissing = true;  ///< fields that are absent give nothing; else a fault
  };

  /// The values each action gives; valid while `root` and the found are.
  struct Found {
    std::vector<std::vector<const json::value*>> actions;
    std::deque<json::value> made;  ///< literals that actions point to
  };
  [[nodiscard]] Result<Found> find(const json::value& root, const Options& options) const;
  [[nodiscard]] Result<Found> find(const json::value& root) const { return find(root, Options()); }
  /// The template filled in: values of an action separated by a blank.
  [[nodiscard]] Result<std::string> print(const json::value& root, const Options& options) const;
  [[nodiscard]] Result<std::string> print(const json::value& root) const {
    return print(root, Options());
  }

  struct Node;
  using Nodes = std::vector<Node>;

 private:
  explicit JsonPath(Nodes nodes);
  std::unique_ptr<Nodes> nodes_;
};

/// ".metadata.name", "metadata.name", "{.metadata.name}" as "{.metadata.name}": what -o
/// custom-columns, --sort-by and `wait --for=jsonpath` take. Fault where it is none of them.
Result<std::string> relaxedJsonPath(std::string_view text);

}  // namespace coxswain::cli
