#include "apiserver/aggregator/local_services.h"

#include <map>

#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIService;
using client::resourceOf;

constexpr const char* kOnStart = "onstart";
constexpr std::string_view kOwnGroup = "apiregistration.k8s.io";

bool managedAtStart(const APIService& object) {
  auto found = object.metadata.labels.find(kAutoManagedLabel);
  return found != object.metadata.labels.end() && found->second == kOnStart;
}

/// Somebody else may have been faster: what they made is as good.
Task<void> create(client::Client& client, APIService object, std::stop_token stop,
                  Status& failure) {
  const auto name = object.metadata.name;
  auto made = co_await client::create<APIService>(client, std::move(object), stop);
  if (made.ok() || isAlreadyExists(made.status())) co_return;
  failure = made.status().withContext("APIService " + name);
}

Task<void> update(client::Client& client, APIService object, std::stop_token stop,
                  Status& failure) {
  const auto name = object.metadata.name;
  auto made = co_await client::update<APIService>(client, std::move(object), "", stop);
  if (made.ok() || isConflict(made.status()) || isNotFound(made.status())) co_return;
  failure = made.status().withContext("APIService " + name);
}

Task<void> remove(client::Client& client, std::shared_ptr<const APIService> object,
                  std::stop_token stop, Status& failure) {
  client::DeleteOptions same;
  same.uid = object->metadata.uid;
  Status gone = co_await client.remove(resourceOf<APIService>(), "", object->metadata.name,
                                       std::move(same), stop);
  if (gone.ok() || isConflict(gone) || isNotFound(gone)) co_return;
  failure = gone.withContext("APIService " + object->metadata.name);
}

}  // namespace

std::vector<APIService> localApiServices(std::span<const ServedResource> served) {
  std::vector<APIService> out;
  for (const auto& group : servedGroups(served)) {
    if (group.name == kOwnGroup) continue;
    for (const auto& version : group.versions) {
      auto& object = out.emplace_back();
      object.metadata.name = version + "." + group.name;
      object.metadata.labels[kAutoManagedLabel] = kOnStart;
      object.spec.group = group.name;
      object.spec.version = version;
      object.spec.groupPriorityMinimum = groupPriority(group.name);
      object.spec.versionPriority = versionPriority(group.name, version);
    }
  }
  return out;
}

Task<Status> ensureLocalApiServices(client::Client& client, std::vector<APIService> wanted,
                                    std::stop_token stop) {
  CO_TRY(auto listed, co_await client.list(resourceOf<APIService>(), "", {}, stop));
  std::map<std::string, std::shared_ptr<const APIService>, std::less<>> present;
  for (const auto& item : listed.items) {
    auto object = item.sharedAs<APIService>();
    present.emplace(object->metadata.name, std::move(object));
  }
  Status failure;
  std::vector<Task<void>> tasks;
  for (auto& object : wanted) {
    auto found = present.find(object.metadata.name);
    if (found == present.end()) {
      tasks.push_back(create(client, std::move(object), stop, failure));
      continue;
    }
    const auto before = std::move(found->second);
    present.erase(found);
    if (!managedAtStart(*before) || before->spec == object.spec) continue;
    APIService next = *before;
    next.spec = std::move(object.spec);
    tasks.push_back(update(client, std::move(next), stop, failure));
  }
  for (auto& [name, object] : present) {
    if (managedAtStart(*object)) tasks.push_back(remove(client, object, stop, failure));
  }
  co_await whenAll(std::move(tasks));
  co_return failure;
}

}  // namespace coxswain::apiserver
