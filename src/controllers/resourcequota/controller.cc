#include "controllers/resourcequota/controller.h"

#include <algorithm>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/quota.h"
#include "api/reflect/equal.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/served.h"

namespace coxswain::controllers::resourcequota {

using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::ResourceQuota;
using api::core::v1::ResourceQuotaStatus;
using api::core::v1::Service;

namespace {

/// How long changes are gathered before they are counted.
constexpr Duration kGather = 200ms;
/// Bound on waiting for a status that others keep changing.
constexpr int kDeferredMax = 10;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "resourcequota-controller";
  o.workers = workers;
  return o;
}

}  // namespace

ResourceQuotaController::ResourceQuotaController(const Context& context, int workers,
                                                 Duration syncPeriod)
    : Controller(context, options(workers)),
      syncPeriod_(syncPeriod),
      quotas_(use<ResourceQuota>()),
      search_(client(), informers().of<api::apiregistration::v1::APIService>()) {
  addNamespaceIndex(quotas_);
  quotas_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
}

Task<Status> ResourceQuotaController::prepare(std::stop_token stop) {
  CO_TRY(auto served, co_await servedCollections(client(), stop));
  for (const auto* type : served) {
    if (announcesKinds(*type)) {
      use(*type).addHandler([this](const client::Change&) { search_.changed(); });
    }
    if (!type->namespaced || api::quotaIgnores({type->group, type->plural})) continue;
    kinds_.push_back({type, &use(*type)});
  }
  for (auto& kind : kinds_) {
    kind.informer->addHandler([this](const client::Change& change) { onObject(change); });
  }
  informers().start();
  co_return Status();
}

Task<void> ResourceQuotaController::background(std::stop_token stop) {
  return search_.run([this](const ForeignKinds& found) { take(found); }, std::move(stop));
}

void ResourceQuotaController::take(const ForeignKinds& found) {
  const auto before = kinds_.size();
  for (const auto& foreign : found.kinds) {
    const auto& type = *foreign.type;
    const bool known = std::any_of(kinds_.begin(), kinds_.end(),
                                   [&type](const Kind& kind) { return kind.type == &type; });
    if (known || !type.namespaced || !foreign.can("list") || !foreign.can("watch")) continue;
    auto& informer = informers().of(type);
    kinds_.push_back({&type, &informer});
    informer.addHandler([this](const client::Change& change) { onObject(change); });
  }
  if (kinds_.size() == before) return;
  informers().start();
  quotas_.forEach([this](const api::ConstObject& quota) {
    queue().addAfter(client::objectKey(quota), kGather);
  });
}

void ResourceQuotaController::onObject(const client::Change& change) {
  // Of the others only their number counts.
  const bool amounts = change.after && (change.after.is<Pod>() || change.after.is<Service>() ||
                                        change.after.is<PersistentVolumeClaim>());
  if (change.before && change.after && !amounts) return;
  const auto& ns = api::objectMeta(change.after ? change.after : change.before)->namespace_;
  for (const auto& quota : quotas_.byIndex(kByNamespace, ns)) {
    queue().addAfter(client::objectKey(quota), kGather);
  }
}

ResourceQuotaStatus ResourceQuotaController::count(const ResourceQuota& quota) const {
  ResourceQuotaStatus status;
  status.hard = quota.spec.hard;
  for (const auto& kind : kinds_) {
    const api::QuotaKind named{kind.type->group, kind.type->plural};
    bool concerned = false;
    for (const auto& [resource, amount] : quota.spec.hard) {
      if (!api::quotaConcerns(named, resource)) continue;
      concerned = true;
      status.used.try_emplace(resource);
    }
    if (!concerned) continue;
    kind.informer->forEach([&](const api::ConstObject& object) {
      if (api::objectMeta(object)->namespace_ != quota.metadata.namespace_) return;
      if (!api::quotaMatches(quota.spec, object)) return;
      for (const auto& [resource, amount] : api::quotaUsage(named, object, api::Time(now()))) {
        if (auto* used = status.used.get(resource)) *used += amount;
      }
    });
  }
  return status;
}

bool ResourceQuotaController::mustWait(const std::string& key, const ResourceQuota& quota,
                                       const ResourceQuotaStatus& counted) {
  bool lower = false;
  for (const auto& [resource, amount] : counted.used) {
    const auto* told = quota.status.used.get(resource);
    lower = lower || (told != nullptr && amount < *told);
  }
  if (!lower) {
    lowered_.erase(key);
    return false;
  }
  auto& seen = lowered_[key];
  const bool settled = seen.resourceVersion == quota.metadata.resourceVersion;
  if (settled || seen.deferred == kDeferredMax) {
    lowered_.erase(key);
    return false;
  }
  seen.resourceVersion = quota.metadata.resourceVersion;
  ++seen.deferred;
  return true;
}

Task<Result<Duration>> ResourceQuotaController::reconcile(std::string key, std::stop_token stop) {
  auto quota = quotas_.get<ResourceQuota>(key);
  if (!quota || quota->metadata.deletionTimestamp) {
    lowered_.erase(key);
    co_return Duration(0);
  }
  auto status = count(*quota);
  if (mustWait(key, *quota, status)) co_return kGather;
  if (api::semanticEqual(status, quota->status)) co_return syncPeriod_;
  ResourceQuota next = *quota;
  next.status = std::move(status);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  if (isNotFound(written.status())) co_return Duration(0);
  if (!written.ok()) co_return written.status();
  co_return syncPeriod_;
}

}  // namespace coxswain::controllers::resourcequota
