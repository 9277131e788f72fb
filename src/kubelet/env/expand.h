#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::kubelet {

struct EnvironmentVariable {
  std::string name;
  std::string value;
  bool operator==(const EnvironmentVariable&) const = default;
};

using EnvironmentMap = std::map<std::string, std::string, std::less<>>;
/// Nothing: not defined.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

/// Replaces $(NAME); "$$" stands for one "$"; what is not defined or not closed stays as it is.
/// Upstream: third_party/forked/golang/expansion.
std::string expandVariables(std::string_view text, const VariableLookup& lookup);

/// A container's command or args with its environment.
std::vector<std::string> expandCommand(const std::vector<std::string>& words,
                                       const std::vector<EnvironmentVariable>& environment);

/// For subPathExpr: `missing value for "NAME"` where a name is not defined.
Result<std::string> expandSubPath(std::string_view expression,
                                  const std::vector<EnvironmentVariable>& environment);

}  // namespace coxswain::kubelet
