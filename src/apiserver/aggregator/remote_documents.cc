#include "apiserver/aggregator/remote_documents.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {
namespace {

using api::meta::v1::APIResource;
using api::meta::v1::APIResourceList;

ServedResource resourceOf(const APIResource& told, std::string_view group,
                          std::string_view version) {
  ServedResource out;
  out.group = group;
  out.version = version;
  out.plural = told.name;
  out.singular = told.singularName;
  out.kind = told.kind;
  out.namespaced = told.namespaced;
  out.verbs = told.verbs;
  out.shortNames = told.shortNames;
  out.categories = told.categories;
  out.storageVersionHash = told.storageVersionHash;
  return out;
}

ServedSubresource subresourceOf(const APIResource& told, std::string_view name) {
  ServedSubresource out;
  out.name = name;
  out.kind = told.kind;
  out.group = told.group;
  out.version = told.version;
  out.verbs = told.verbs;
  return out;
}

}  // namespace

Result<std::vector<ServedResource>> resourcesOf(std::string_view text, std::string_view group,
                                                std::string_view version) {
  TRY(const auto list, api::decodeJson<APIResourceList>(text));
  if (list.groupVersion != groupVersionText(group, version)) {
    return badRequest("discovery of " + groupVersionText(group, version) + " is that of \"" +
                      list.groupVersion + "\"");
  }
  std::vector<ServedResource> out;
  for (const auto& each : list.resources) {
    if (each.name.empty() || each.name.find('/') != std::string::npos) continue;
    out.push_back(resourceOf(each, group, version));
  }
  for (const auto& each : list.resources) {
    const auto slash = each.name.find('/');
    if (slash == std::string::npos) continue;
    auto above = std::ranges::find(out, each.name.substr(0, slash), &ServedResource::plural);
    if (above == out.end()) continue;
    above->subresources.push_back(subresourceOf(each, each.name.substr(slash + 1)));
  }
  return out;
}

std::string openApiUrlOf(std::string_view index, std::string_view path) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(index, error);
  if (error || !parsed.is_object()) return {};
  const auto* paths = parsed.as_object().if_contains("paths");
  if (!paths || !paths->is_object()) return {};
  const auto* entry = paths->as_object().if_contains(path);
  if (!entry || !entry->is_object()) return {};
  const auto* url = entry->as_object().if_contains("serverRelativeURL");
  if (!url || !url->is_string()) return {};
  std::string out(url->as_string());
  // Another place than this document's is nothing that we could send clients to.
  const auto own = "/openapi/v3/" + std::string(path);
  return out == own || out.starts_with(own + "?") ? out : std::string();
}

}  // namespace coxswain::apiserver
