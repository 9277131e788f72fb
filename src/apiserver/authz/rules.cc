#include "apiserver/authz/rules.h"

#include <algorithm>
#include <string>

#include "api/names/quote.h"
#include "apiserver/authz/compiled_rules.h"

namespace coxswain::apiserver {
namespace {

using Rule = api::rbac::v1::PolicyRule;
using Texts = std::vector<std::string>;

constexpr std::string_view kAll = "*";
/// Of all rules that are asked about at a time: four lists of a few thousand texts each would come
/// to more than memory holds.
constexpr size_t kPartsMax = 10'000;

bool contains(const Texts& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
bool containsOrAll(const Texts& list, std::string_view value) {
  return contains(list, kAll) || contains(list, value);
}

bool coversResource(const Texts& list, std::string_view resource, std::string_view subresource) {
  if (contains(list, kAll)) return true;
  if (subresource.empty()) return contains(list, resource);
  auto whole = std::string(resource) + "/" + std::string(subresource);
  return contains(list, whole) || contains(list, "*/" + std::string(subresource));
}

bool coversPath(const Texts& list, std::string_view path) {
  return std::any_of(list.begin(), list.end(),
                     [path](std::string_view one) { return pathCovered(one, path); });
}

/// `part` has one entry in each of its lists.
bool covers(const Rule& owner, const Rule& part) {
  if (!containsOrAll(owner.verbs, part.verbs.front())) return false;
  if (!part.nonResourceURLs.empty()) {
    return coversPath(owner.nonResourceURLs, part.nonResourceURLs.front());
  }
  if (!containsOrAll(owner.apiGroups, part.apiGroups.front())) return false;
  std::string_view resource = part.resources.front();
  const auto slash = resource.find('/');
  const auto below =
      slash == std::string_view::npos ? std::string_view() : resource.substr(slash + 1);
  // "*" is covered by itself alone.
  if (!coversResource(owner.resources, resource.substr(0, slash), below)) return false;
  if (owner.resourceNames.empty()) return true;
  return !part.resourceNames.empty() && contains(owner.resourceNames, part.resourceNames.front());
}

bool coversEach(const Texts& owned, const Texts& wanted) {
  return contains(owned, kAll) ||
         std::all_of(wanted.begin(), wanted.end(),
                     [&owned](const std::string& one) { return contains(owned, one); });
}

/// One rule has all that the other has; a quick look that may miss.
bool coversWhole(const Rule& owner, const Rule& wanted) {
  return owner.resourceNames.empty() && coversEach(owner.verbs, wanted.verbs) &&
         coversEach(owner.apiGroups, wanted.apiGroups) &&
         coversEach(owner.resources, wanted.resources) &&
         coversEach(owner.nonResourceURLs, wanted.nonResourceURLs);
}

/// How many parts parts() would make, as far as that matters.
size_t countOfParts(const Rule& rule) {
  size_t count = rule.apiGroups.empty() ? 0 : 1;
  for (size_t factor : {rule.apiGroups.size(), rule.resources.size(),
                        std::max<size_t>(rule.resourceNames.size(), 1)}) {
    count = std::min(count * factor, kPartsMax + 1);
  }
  return std::min((count + rule.nonResourceURLs.size()) * rule.verbs.size(), kPartsMax + 1);
}

/// A rule in parts of one verb, one resource or path, and one name.
Rules parts(const Rule& rule) {
  Rules out;
  for (const auto& verb : rule.verbs) {
    for (const auto& path : rule.nonResourceURLs) {
      auto& part = out.emplace_back();
      part.verbs = {verb};
      part.nonResourceURLs = {path};
    }
    for (const auto& group : rule.apiGroups) {
      for (const auto& resource : rule.resources) {
        Rule part;
        part.verbs = {verb};
        part.apiGroups = {group};
        part.resources = {resource};
        if (rule.resourceNames.empty()) out.push_back(part);
        for (const auto& name : rule.resourceNames) {
          part.resourceNames = {name};
          out.push_back(part);
        }
      }
    }
  }
  return out;
}

std::string quotedList(const Texts& list) {
  std::string out = "[";
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += " ";
    out += api::goQuote(list[i]);
  }
  return out + "]";
}

}  // namespace

Rules uncovered(const Rules& owned, const Rules& wanted) {
  Rules missing;
  size_t left = kPartsMax;
  for (const auto& rule : wanted) {
    if (std::any_of(owned.begin(), owned.end(),
                    [&rule](const Rule& owner) { return coversWhole(owner, rule); })) {
      continue;
    }
    const auto count = countOfParts(rule);
    if (count > left) {
      missing.push_back(rule);
      continue;
    }
    left -= count;
    for (auto& part : parts(rule)) {
      const bool has = std::any_of(owned.begin(), owned.end(),
                                   [&part](const Rule& owner) { return covers(owner, part); });
      if (!has) missing.push_back(std::move(part));
    }
  }
  return missing;
}

Rules compact(const Rules& rules) {
  auto isSimple = [](const Rule& rule) {
    return rule.apiGroups.size() == 1 && rule.resources.size() == 1 && rule.resourceNames.empty() &&
           rule.nonResourceURLs.empty();
  };
  Rules out;
  for (const auto& rule : rules) {
    auto same = [&](const Rule& other) {
      return isSimple(other) && other.apiGroups == rule.apiGroups &&
             other.resources == rule.resources;
    };
    auto found = isSimple(rule) ? std::find_if(out.begin(), out.end(), same) : out.end();
    if (found == out.end()) {
      out.push_back(rule);
    } else {
      found->verbs.insert(found->verbs.end(), rule.verbs.begin(), rule.verbs.end());
    }
  }
  return out;
}

std::string describeRule(const Rule& rule) {
  std::string out = "{";
  auto add = [&out](std::string_view name, const Texts& list) {
    if (list.empty()) return;
    if (out.size() > 1) out += ", ";
    out += std::string(name) + ":" + quotedList(list);
  };
  add("APIGroups", rule.apiGroups);
  add("Resources", rule.resources);
  add("ResourceNames", rule.resourceNames);
  add("NonResourceURLs", rule.nonResourceURLs);
  add("Verbs", rule.verbs);
  return out + "}";
}

}  // namespace coxswain::apiserver
