#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

namespace go_template {
struct List;
}

/// A template of Go's text/template over JSON, as `-o go-template` takes it: actions, pipelines,
/// variables, if, range, with, define, template, block, break, continue, trim marks, and the
/// built-in functions with kubectl's `exists` and `base64decode`. Numbers of objects are floating
/// point, as they are there: `eq .spec.replicas 2` is refused and `printf "%.0f"` prints them. No
/// methods and no `call`. A value; copies share the parsed tree.
class GoTemplate {
 public:
  /// BadRequest with Go's text: "template: output:1: unclosed action". Depth is bounded.
  static Result<GoTemplate> parse(std::string_view text);

  /// BadRequest with Go's text where an action cannot be carried out, or the output grows beyond
  /// 64 MiB.
  [[nodiscard]] Result<std::string> execute(const json::value& data) const;
  [[nodiscard]] const std::string& text() const { return *text_; }

 private:
  GoTemplate() = default;

  std::shared_ptr<const std::string> text_;
  /// "output" is the whole; others by `define`.
  std::map<std::string, std::shared_ptr<const go_template::List>, std::less<>> parts_;
};

/// As Go's %v prints what json.Unmarshal made: "map[a:1 b:[x y]]", "<nil>", "1e+06".
std::string goValueText(const json::value& value);

}  // namespace coxswain::cli
