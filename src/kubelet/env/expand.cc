#include "kubelet/env/expand.h"

namespace coxswain::kubelet {
namespace {

VariableLookup lookupIn(const EnvironmentMap& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

EnvironmentMap asMap(const std::vector<EnvironmentVariable>& environment) {
  EnvironmentMap variables;
  for (const auto& variable : environment) variables[variable.name] = variable.value;
  return variables;
}

}  // namespace

std::string expandVariables(std::string_view text, const VariableLookup& lookup) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == '$') {
      out += '$';
      continue;
    }
    if (next != '(') {
      out += '$';
      out += next;
      continue;
    }
    const size_t end = text.find(')', i);
    if (end == std::string_view::npos) {
      out += "$(";
      continue;
    }
    const std::string_view name = text.substr(i + 1, end - i - 1);
    if (const auto value = lookup(name)) {
      out += *value;
    } else {
      out.append("$(").append(name).append(")");
    }
    i = end;
  }
  return out;
}

std::vector<std::string> expandCommand(const std::vector<std::string>& words,
                                       const std::vector<EnvironmentVariable>& environment) {
  const EnvironmentMap variables = asMap(environment);
  std::vector<std::string> expanded;
  expanded.reserve(words.size());
  for (const auto& word : words) expanded.push_back(expandVariables(word, lookupIn(variables)));
  return expanded;
}

Result<std::string> expandSubPath(std::string_view expression,
                                  const std::vector<EnvironmentVariable>& environment) {
  const EnvironmentMap variables = asMap(environment);
  std::string missing;
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found != variables.end()) return found->second;
    if (missing.empty()) missing = "missing value for \"" + std::string(name) + "\"";
    return "";
  };
  std::string path = expandVariables(expression, lookup);
  if (!missing.empty()) return badRequest(std::move(missing));
  return path;
}

}  // namespace coxswain::kubelet
