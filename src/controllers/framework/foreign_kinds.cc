#include "controllers/framework/foreign_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>

#include "api/codec/json.h"
#include "api/gen/apiregistration_v1.h"
#include "api/gen/meta_v1.h"
#include "client/path_reader.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {

namespace {

constexpr Duration kPeriod = 30s;
/// Several APIServices come together.
constexpr Duration kGather = 1s;

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

struct Collection {
  std::string group;
  std::string version;
  std::string plural;
  client::ResourceType type;
};

const client::ResourceType* typeOf(const APIService& service, const APIResource& resource) {
  static std::mutex mutex;
  static std::map<std::string, Collection> all;
  const auto& spec = service.spec;
  const std::lock_guard lock(mutex);
  auto [at, isNew] = all.try_emplace(
      fmt::format("{}/{}/{}/{}", spec.group, spec.version, resource.name, resource.namespaced));
  auto& made = at->second;
  if (isNew) {
    made.group = spec.group;
    made.version = spec.version;
    made.plural = resource.name;
    made.type = {made.group, made.version, made.plural, resource.namespaced,
                 &api::meta::v1::PartialObjectMetadata::kInfo};
  }
  return &made.type;
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
      found.kinds.push_back({typeOf(*service, resource), resource.kind, resource.verbs});
    }
  }
  co_return found;
}

Task<void> ForeignKindsSearch::run(std::function<void(ForeignKinds)> found, std::stop_token stop) {
  while (!stop.stop_requested()) {
    due_.reset();
    auto now = co_await findForeignKinds(client_, apiServices_, stop);
    if (!now.ok()) break;
    const bool again = now->remote || !now->failures.empty();
    found(std::move(*now));
    std::optional<Deadline> period;
    if (again) period.emplace(kPeriod, stop);
    Status told = co_await due_.wait(period ? period->token() : stop);
    if (told.ok()) told = co_await sleepFor(kGather, stop);
  }
}

bool announcesKinds(const client::ResourceType& type) {
  return type.plural == "apiservices" || type.plural == "customresourcedefinitions";
}

}  // namespace coxswain::controllers
