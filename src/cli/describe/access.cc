#include <algorithm>
#include <map>

#include "cli/describe/describe.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

std::vector<std::string> textsAt(const json::value& value, std::string_view member) {
  std::vector<std::string> out;
  for (const auto& item : arrayAt(value, {member})) out.push_back(plainText(item));
  return out;
}

std::string bracketed(const std::vector<std::string>& words) {
  return "[" + joined(words, " ") + "]";
}

const json::value& specOf(const json::value& object) {
  static const json::value kNone;
  const auto* spec = at(object, {"spec"});
  return spec ? *spec : kNone;
}

void labelsAndAnnotations(const json::value& object, DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
}

/// A rule of one resource (or path), with the verbs of all rules that have it.
struct Row {
  std::string resource;
  std::string group;
  std::vector<std::string> names;
  std::vector<std::string> urls;
  std::vector<std::string> verbs;

  [[nodiscard]] std::string identity() const {
    return group + "\n" + resource + "\n" + joined(names, ",") + "\n" + joined(urls, ",");
  }
  /// As kubectl sorts them: verbs, groups, resources, names, paths.
  [[nodiscard]] std::string order() const {
    return bracketed(verbs) + "[" + group + "][" + resource + "]" + bracketed(names) +
           bracketed(urls);
  }
};

std::vector<Row> rowsOf(const json::value& role) {
  std::vector<Row> rows;
  std::map<std::string, size_t> places;
  const auto add = [&](Row row) {
    const auto [place, fresh] = places.try_emplace(row.identity(), rows.size());
    if (fresh) {
      rows.push_back(std::move(row));
      return;
    }
    auto& verbs = rows[place->second].verbs;
    for (auto& verb : row.verbs) {
      if (std::ranges::find(verbs, verb) == verbs.end()) verbs.push_back(std::move(verb));
    }
  };
  for (const auto& rule : arrayAt(role, {"rules"})) {
    const auto verbs = textsAt(rule, "verbs");
    const auto names = textsAt(rule, "resourceNames");
    for (const auto& group : textsAt(rule, "apiGroups")) {
      for (const auto& resource : textsAt(rule, "resources")) {
        if (names.empty()) add({resource, group, {}, {}, verbs});
        for (const auto& name : names) add({resource, group, {name}, {}, verbs});
      }
    }
    for (const auto& url : textsAt(rule, "nonResourceURLs")) add({"", "", {}, {url}, verbs});
  }
  std::ranges::stable_sort(rows, {}, &Row::order);
  return rows;
}

}  // namespace

Task<void> describeRole(DescribeContext&, const json::value& object, DescribeWriter& out) {
  labelsAndAnnotations(object, out);
  out.line(0, "PolicyRule:");
  out.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
  out.line(1, "---------\t-----------------\t--------------\t-----");
  for (const Row& row : rowsOf(object)) {
    // The group stands before a subresource: "deployments.apps/scale".
    std::string resource = row.resource;
    if (!row.group.empty()) {
      const size_t slash = std::min(resource.find('/'), resource.size());
      resource.insert(slash, "." + row.group);
    }
    out.line(1, resource + "\t" + bracketed(row.urls) + "\t" + bracketed(row.names) + "\t" +
                    bracketed(row.verbs));
  }
  co_return;
}

Task<void> describeRoleBinding(DescribeContext&, const json::value& object, DescribeWriter& out) {
  labelsAndAnnotations(object, out);
  out.line(0, "Role:");
  out.field(1, "Kind", textAt(object, {"roleRef", "kind"}));
  out.field(1, "Name", textAt(object, {"roleRef", "name"}));
  out.line(0, "Subjects:");
  out.line(1, "Kind\tName\tNamespace");
  out.line(1, "----\t----\t---------");
  for (const auto& subject : arrayAt(object, {"subjects"})) {
    out.line(1, textAt(subject, {"kind"}) + "\t" + textAt(subject, {"name"}) + "\t" +
                    textAt(subject, {"namespace"}));
  }
  co_return;
}

Task<void> describeResourceQuota(DescribeContext&, const json::value& object, DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.field(0, "Namespace", namespaceOf(object));
  auto scopes = textsAt(specOf(object), "scopes");
  if (!scopes.empty()) {
    std::ranges::sort(scopes);
    out.field(0, "Scopes", joined(scopes, ", "));
  }
  out.line(0, "Resource\tUsed\tHard");
  out.line(0, "--------\t----\t----");
  for (const auto& [name, hard] : stringsAt(object, {"status", "hard"})) {
    auto used = textAt(object, {"status", "used", name});
    out.line(0, name + "\t" + (used.empty() ? "0" : used) + "\t" + hard);
  }
  co_return;
}

}  // namespace coxswain::cli
