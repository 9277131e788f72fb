#include "cli/resources/discovery.h"

#include <algorithm>

#include "api/codec/value.h"
#include "base/text.h"
#include "cli/framework/errors.h"
#include "cli/resources/json.h"
#include "client/http/http_client.h"

namespace coxswain::cli {

namespace {

constexpr const char* kAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

std::vector<std::string> textsAt(const json::value& value,
                                 std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto& item : arrayAt(value, path)) {
    if (const auto* text = item.if_string()) out.emplace_back(view(*text));
  }
  return out;
}

std::string groupVersionOf(const std::string& group, const std::string& version) {
  return group.empty() ? version : group + "/" + version;
}

/// A resource of an APIResourceList. Its subresources are entries of their own there.
void addLegacy(Discovery& out, const std::string& group, const std::string& version,
               const json::value& list) {
  const size_t first = out.resources.size();
  for (const auto& item : arrayAt(list, {"resources"})) {
    auto name = textAt(item, {"name"});
    if (name.find('/') != std::string::npos) continue;
    ApiResource resource;
    resource.group = group;
    resource.version = version;
    resource.plural = std::move(name);
    resource.singular = textAt(item, {"singularName"});
    resource.kind = textAt(item, {"kind"});
    resource.namespaced = boolAt(item, {"namespaced"});
    resource.verbs = textsAt(item, {"verbs"});
    resource.shortNames = textsAt(item, {"shortNames"});
    resource.categories = textsAt(item, {"categories"});
    if (!resource.plural.empty()) out.resources.push_back(std::move(resource));
  }
  for (const auto& item : arrayAt(list, {"resources"})) {
    auto name = textAt(item, {"name"});
    auto slash = name.find('/');
    if (slash == std::string::npos) continue;
    for (size_t i = first; i < out.resources.size(); ++i) {
      if (out.resources[i].plural == name.substr(0, slash)) {
        out.resources[i].subresources.push_back(name.substr(slash + 1));
      }
    }
  }
}

void addAggregated(Discovery& out, const json::value& list) {
  for (const auto& group : arrayAt(list, {"items"})) {
    auto groupName = nameOf(group);
    for (const auto& version : arrayAt(group, {"versions"})) {
      auto versionName = textAt(version, {"version"});
      out.groupVersions.push_back(groupVersionOf(groupName, versionName));
      if (textAt(version, {"freshness"}) == "Stale") {
        out.failures.push_back(
            groupVersionOf(groupName, versionName) +
            ": stale GroupVersion discovery: " + groupVersionOf(groupName, versionName));
      }
      for (const auto& item : arrayAt(version, {"resources"})) {
        ApiResource resource;
        resource.group = groupName;
        resource.version = versionName;
        resource.plural = textAt(item, {"resource"});
        resource.singular = textAt(item, {"singularResource"});
        resource.kind = textAt(item, {"responseKind", "kind"});
        resource.namespaced = textAt(item, {"scope"}) == "Namespaced";
        resource.verbs = textsAt(item, {"verbs"});
        resource.shortNames = textsAt(item, {"shortNames"});
        resource.categories = textsAt(item, {"categories"});
        for (const auto& sub : arrayAt(item, {"subresources"})) {
          resource.subresources.push_back(textAt(sub, {"subresource"}));
        }
        if (!resource.plural.empty()) out.resources.push_back(std::move(resource));
      }
    }
  }
}

Task<Result<json::value>> fetch(client::RestClient& rest, std::string path) {
  client::RestRequest request;
  request.path = std::move(path);
  request.headers.add("Accept", kAccept);
  CO_TRY(auto answer, co_await rest.call(std::move(request), {}));
  auto parsed = api::parseJsonValue(answer.body);
  if (!parsed.ok()) co_return asFault(parsed.status().withContext("discovery"));
  co_return std::move(*parsed);
}

Task<void> fetchVersion(client::RestClient& rest, Discovery& out, std::string group,
                        std::string version) {
  auto name = groupVersionOf(group, version);
  out.groupVersions.push_back(name);
  auto list = co_await fetch(rest, (group.empty() ? "/api/" : "/apis/") + name);
  if (list.ok()) {
    addLegacy(out, group, version, *list);
  } else {
    out.failures.push_back(name + ": " + list.status().message());
  }
}

}  // namespace

std::string ApiResource::apiVersion() const {
  return groupVersionOf(group, version);
}

std::string ApiResource::qualified() const {
  return group.empty() ? plural : plural + "." + group;
}

std::string ApiResource::typeName() const {
  auto lower = lowerCase(kind);
  return group.empty() ? lower : lower + "." + group;
}

bool ApiResource::can(std::string_view verb) const {
  return std::ranges::find(verbs, verb) != verbs.end();
}

bool ApiResource::hasSubresource(std::string_view name) const {
  return std::ranges::find(subresources, name) != subresources.end();
}

std::string ApiResource::path(const std::string& ns, const std::string& name,
                              const std::string& subresource) const {
  return client::resourcePath(group, version, plural, namespaced ? ns : std::string(), name,
                              subresource);
}

Task<Result<Discovery>> discover(client::RestClient& rest) {
  Discovery out;
  CO_TRY(auto core, co_await fetch(rest, "/api"));
  if (kindOf(core) == "APIGroupDiscoveryList") {
    addAggregated(out, core);
  } else {
    for (const auto& version : textsAt(core, {"versions"})) {
      co_await fetchVersion(rest, out, "", version);
    }
  }
  CO_TRY(auto groups, co_await fetch(rest, "/apis"));
  if (kindOf(groups) == "APIGroupDiscoveryList") {
    addAggregated(out, groups);
    co_return std::move(out);
  }
  for (const auto& group : arrayAt(groups, {"groups"})) {
    auto name = textAt(group, {"name"});
    auto preferred = textAt(group, {"preferredVersion", "version"});
    if (!preferred.empty()) co_await fetchVersion(rest, out, name, preferred);
    for (const auto& version : arrayAt(group, {"versions"})) {
      auto text = textAt(version, {"version"});
      if (text != preferred) co_await fetchVersion(rest, out, name, text);
    }
  }
  co_return std::move(out);
}

}  // namespace coxswain::cli
