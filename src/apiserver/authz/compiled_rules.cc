#include "apiserver/authz/compiled_rules.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "apiserver/authz/authorizer.h"

namespace coxswain::apiserver {
namespace {

constexpr std::array<std::string_view, 8> kVerbs = {
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"};
constexpr uint16_t kEveryVerb = 0xffff;
constexpr size_t kListMax = std::numeric_limits<uint16_t>::max();

uint16_t bitOf(std::string_view verb) {
  for (size_t i = 0; i < kVerbs.size(); ++i) {
    if (kVerbs[i] == verb) return static_cast<uint16_t>(1U << i);
  }
  return 0;
}

/// "pods/log" looked up without an allocation where it is short, as all that are served are.
Symbols::Id findJoined(const Symbols& symbols, std::string_view resource,
                       std::string_view subresource) {
  std::array<char, 128> buffer{};
  const auto size = resource.size() + 1 + subresource.size();
  if (size > buffer.size()) {
    return symbols.find(std::string(resource) + "/" + std::string(subresource));
  }
  auto* end = std::copy(resource.begin(), resource.end(), buffer.begin());
  *end++ = '/';
  std::copy(subresource.begin(), subresource.end(), end);
  return symbols.find({buffer.data(), size});
}

}  // namespace

bool pathCovered(std::string_view pattern, std::string_view path) {
  if (pattern == path) return true;
  if (!pattern.ends_with('*')) return false;
  while (pattern.ends_with('*')) pattern.remove_suffix(1);
  return path.starts_with(pattern);
}

RuleQuestion::RuleQuestion(const Symbols& symbols, const Attributes& attributes)
    : isResource(attributes.info.isResource),
      verbBit(bitOf(attributes.info.verb)),
      verb(verbBit ? Symbols::kNone : symbols.find(attributes.info.verb)),
      group(Symbols::kNone),
      resource(Symbols::kNone),
      anyResource(Symbols::kNone),
      name(Symbols::kNone),
      path(attributes.info.path) {
  const auto& info = attributes.info;
  if (!isResource) return;
  group = symbols.find(info.group);
  if (info.subresource.empty()) {
    resource = symbols.find(info.resource);
  } else {
    resource = findJoined(symbols, info.resource, info.subresource);
    anyResource = findJoined(symbols, "*", info.subresource);
  }
  if (auto wanted = attributes.name(); !wanted.empty()) name = symbols.find(wanted);
}

void CompiledRules::assign(Symbols& symbols, const Rules& rules) {
  clear(symbols);
  rules_.reserve(rules.size());
  auto append = [&](const std::vector<std::string>& texts, bool* any) {
    uint16_t count = 0;
    for (const auto& text : texts) {
      if (any && text == "*") {
        *any = true;
      } else if (count < kListMax) {
        ids_.push_back(symbols.acquire(text));
        ++count;
      }
    }
    return count;
  };
  for (const auto& wire : rules) {
    auto& rule = rules_.emplace_back();
    rule.first = static_cast<uint32_t>(ids_.size());
    for (const auto& verb : wire.verbs) {
      if (verb == "*") {
        rule.verbBits = kEveryVerb;
      } else if (auto bit = bitOf(verb)) {
        rule.verbBits |= bit;
      } else if (rule.verbs < kListMax) {
        ids_.push_back(symbols.acquire(verb));
        ++rule.verbs;
      }
    }
    rule.groups = append(wire.apiGroups, &rule.anyGroup);
    rule.resources = append(wire.resources, &rule.anyResource);
    rule.names = append(wire.resourceNames, nullptr);
    rule.paths = append(wire.nonResourceURLs, nullptr);
  }
  ids_.shrink_to_fit();
}

void CompiledRules::clear(Symbols& symbols) {
  for (auto id : ids_) symbols.release(id);
  ids_.clear();
  rules_.clear();
}

bool CompiledRules::has(uint32_t first, uint16_t count, Symbols::Id wanted) const {
  if (wanted == Symbols::kNone) return false;
  const auto* begin = ids_.data() + first;
  return std::find(begin, begin + count, wanted) != begin + count;
}

bool CompiledRules::allowsResource(const Rule& rule, const RuleQuestion& question) const {
  auto first = rule.first + rule.verbs;
  if (!rule.anyGroup && !has(first, rule.groups, question.group)) return false;
  first += rule.groups;
  if (!rule.anyResource && !has(first, rule.resources, question.resource) &&
      !has(first, rule.resources, question.anyResource)) {
    return false;
  }
  first += rule.resources;
  return rule.names == 0 || has(first, rule.names, question.name);
}

bool CompiledRules::allowsPath(const Symbols& symbols, const Rule& rule,
                               const RuleQuestion& question) const {
  const auto first = rule.first + rule.verbs + rule.groups + rule.resources + rule.names;
  for (uint16_t i = 0; i < rule.paths; ++i) {
    if (pathCovered(symbols.text(ids_[first + i]), question.path)) return true;
  }
  return false;
}

bool CompiledRules::allows(const Symbols& symbols, const RuleQuestion& question) const {
  for (const auto& rule : rules_) {
    const bool verb = rule.verbBits == kEveryVerb || (rule.verbBits & question.verbBit) != 0 ||
                      has(rule.first, rule.verbs, question.verb);
    if (!verb) continue;
    if (question.isResource ? allowsResource(rule, question)
                            : allowsPath(symbols, rule, question)) {
      return true;
    }
  }
  return false;
}

}  // namespace coxswain::apiserver
