#include "controllers/framework/foreign_kinds.h"

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "api/gen/apiregistration_v1.h"
#include "api/gen/meta_v1.h"
#include "client/path_reader.h"
#include "client/resources.h"

namespace coxswain::controllers {

namespace {

using api::apiregistration::v1::APIService;
using api::meta::v1::APIResource;
using api::meta::v1::APIResourceList;

bool isOurs(std::string_view group) {
  const auto all = client::allResources();
  return std::any_of(all.begin(), all.end(), [&](const auto& type) { return type.group == group; });
}

/// Of groups we do not know, the foremost version of each first.
std::vector<std::shared_ptr<const APIService>> foreignServices(const client::Informer& informer) {
  std::vector<std::shared_ptr<const APIService>> found;
  informer.forEach([&found](const api::ConstObject& object) {
    if (!isOurs(object.as<APIService>()->spec.group))
      found.push_back(object.sharedAs<APIService>());
  });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    if (a->spec.group != b->spec.group) return a->spec.group < b->spec.group;
    if (a->spec.versionPriority != b->spec.versionPriority) {
      return a->spec.versionPriority > b->spec.versionPriority;
    }
    return a->spec.version < b->spec.version;
  });
  return found;
}

std::shared_ptr<const ForeignKind> kindOf(const APIService& service, const APIResource& resource) {
  auto made = std::make_shared<ForeignKind>();
  made->group = service.spec.group;
  made->version = service.spec.version;
  made->plural = resource.name;
  made->kind = resource.kind;
  made->verbs = resource.verbs;
  made->type = {made->group, made->version, made->plural, resource.namespaced,
                &api::meta::v1::PartialObjectMetadata::kInfo};
  return made;
}

/// In upstream's words, whose client asks for all groups at once.
std::string failureText(const std::string& groupVersion, const Status& status) {
  const bool unavailable = status.code() == 503 || isUnreachable(status);
  return unavailable ? "stale GroupVersion discovery: " + groupVersion : status.message();
}

}  // namespace

bool ForeignKind::can(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

Task<Result<ForeignKinds>> findForeignKinds(client::Client& client,
                                            const client::Informer& apiServices,
                                            std::stop_token stop) {
  ForeignKinds found;
  auto* reader = client::pathReaderOf(client);
  if (reader == nullptr) co_return found;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& service : foreignServices(apiServices)) {
    found.remote = found.remote || service->spec.service;
    const auto groupVersion = service->spec.group + "/" + service->spec.version;
    auto text = co_await reader->readPath("/apis/" + groupVersion, {}, stop);
    if (isCanceled(text.status())) co_return text.status();
    if (isNotFound(text.status())) continue;  // it serves nothing
    auto list = text.ok() ? api::decodeJson<APIResourceList>(*text)
                          : Result<APIResourceList>(text.status());
    if (!list.ok()) {
      found.failures[groupVersion] = failureText(groupVersion, list.status());
      continue;
    }
    for (const auto& resource : list->resources) {
      const bool whole = resource.name.find('/') == std::string::npos && !resource.kind.empty();
      if (!whole || !seen.emplace(service->spec.group, resource.name).second) continue;
      found.kinds.push_back(kindOf(*service, resource));
    }
  }
  co_return found;
}

}  // namespace coxswain::controllers
