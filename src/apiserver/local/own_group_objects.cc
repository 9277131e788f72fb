#include "apiserver/local/own_group_objects.h"

#include <algorithm>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/rbac_v1.h"
#include "client/resources.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIService;
using api::rbac::v1::ClusterRole;

constexpr int kPriority = 100;

struct Optional {
  const char* group;
  const char* version;
};
/// All that may be served so, by flags.
constexpr Optional kOptional[] = {{"metrics.k8s.io", "v1beta1"},
                                  {"custom.metrics.k8s.io", "v1beta2"},
                                  {"custom.metrics.k8s.io", "v1beta1"},
                                  {"external.metrics.k8s.io", "v1beta1"}};

Status unlessThere(const Status& made) {
  return isAlreadyExists(made) || isConflict(made) || isNotFound(made) ? Status() : made;
}

Task<Status> ensureService(client::Client& client, Optional of, bool served, std::stop_token stop) {
  const auto name = std::string(of.version) + "." + of.group;
  auto present = co_await client::get<APIService>(client, "", name, stop);
  if (!present.ok() && !isNotFound(present.status())) co_return present.status();
  if (present.ok()) {
    if (served || (*present)->spec.service) co_return Status();
    client::DeleteOptions same;
    same.uid = (*present)->metadata.uid;
    co_return unlessThere(
        co_await client.remove(client::resourceOf<APIService>(), "", name, std::move(same), stop));
  }
  if (!served) co_return Status();
  APIService object;
  object.metadata.name = name;
  object.spec.group = of.group;
  object.spec.version = of.version;
  object.spec.groupPriorityMinimum = kPriority;
  object.spec.versionPriority = kPriority;
  auto made = co_await client::create<APIService>(client, std::move(object), stop);
  co_return unlessThere(made.status());
}

/// Upstream: metrics-server's manifest.
Task<Status> ensureReaderRole(client::Client& client, std::stop_token stop) {
  ClusterRole role;
  role.metadata.name = "system:aggregated-metrics-reader";
  for (const char* whole : {"admin", "edit", "view"}) {
    role.metadata.labels["rbac.authorization.k8s.io/aggregate-to-" + std::string(whole)] = "true";
  }
  auto& rule = role.rules.emplace_back();
  rule.apiGroups = {"metrics.k8s.io"};
  rule.resources = {"pods", "nodes"};
  rule.verbs = {"get", "list", "watch"};
  auto present = co_await client::get<ClusterRole>(client, "", role.metadata.name, stop);
  if (present.ok() || !isNotFound(present.status())) co_return present.status();
  auto made = co_await client::create<ClusterRole>(client, std::move(role), stop);
  co_return unlessThere(made.status());
}

}  // namespace

Task<Status> ensureOwnGroupObjects(client::Client& client, const OwnGroups& groups,
                                   std::stop_token stop) {
  for (const auto& each : kOptional) {
    const bool served = std::ranges::any_of(groups.all(), [&each](const auto& own) {
      return own->group() == each.group && own->version() == each.version;
    });
    CO_TRY_STATUS(co_await ensureService(client, each, served, stop));
    if (served && std::string_view(each.group) == "metrics.k8s.io") {
      CO_TRY_STATUS(co_await ensureReaderRole(client, stop));
    }
  }
  co_return Status();
}

}  // namespace coxswain::apiserver
