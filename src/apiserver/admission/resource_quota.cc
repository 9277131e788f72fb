#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/quota_ledger.h"

namespace coxswain::apiserver {
namespace {

using api::QuotaKind;
using api::ResourceList;

api::ConstObject view(const api::Object& object) {
  std::shared_ptr<const void> nobody;
  return {object.info(), std::shared_ptr<const void>(nobody, object.data())};
}

void removeZeros(ResourceList& list) {
  ResourceList kept;
  for (auto& [name, value] : list) {
    if (!value.isZero()) kept[name] = value;
  }
  list = std::move(kept);
}

/// "requests.cpu,pods": what a write would have below zero.
std::string negative(const ResourceList& usage) {
  std::string out;
  for (const auto& [name, value] : usage) {
    if (value.sign() < 0) out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

/// The resource quotas of a namespace: a write that would use up more than they leave is refused;
/// one that is admitted is counted in their status at once. What was counted for a write that then
/// fails, the quota controller corrects. The last step of validation.
/// Upstream: apiserver/pkg/admission/plugin/resourcequota.
class ResourceQuotaAdmission final : public AdmissionPlugin {
 public:
  ResourceQuotaAdmission(const AdmissionSources& sources, std::vector<LimitedResource> limited)
      : executor_(sources.executor), ledger_(sources), limited_(std::move(limited)) {}
  [[nodiscard]] std::string_view name() const override { return "ResourceQuota"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (kind != WriteKind::Create && kind != WriteKind::Update) return false;
    if (info.ns.empty() || info.resource == "namespaces" || !concerns(request, kind)) return false;
    return ledger_.hasQuotas(info.ns) || limitOf(info);
  }
  [[nodiscard]] bool waits() const override { return true; }

  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    const auto& info = request.info;
    const QuotaKind which{info.group, info.resource};
    const api::Time now(executor_.wallNow());
    QuotaCharge charge;
    charge.object = object;
    charge.old = old;
    charge.whole = api::quotaUsage(which, view(*object), now);
    if (auto names = negative(charge.whole); !names.empty()) {
      co_return refuse(request, object, "quota usage is negative for resource(s): " + names);
    }
    charge.delta = charge.whole;
    if (old) {
      for (const auto& [name, value] : api::quotaUsage(which, view(*old), now)) {
        charge.delta[name] -= value;
      }
    }
    removeZeros(charge.delta);
    removeZeros(charge.whole);
    if (const auto* limit = limitOf(info)) addLimits(*limit, charge);
    // Scopes may have come to hold though nothing grew.
    const bool moved = old && info.resource == "persistentvolumeclaims";
    if (charge.delta.empty() && !moved) co_return Status();
    CO_TRY(auto why, co_await ledger_.charge(info.ns, which, std::move(charge), request.dryRun));
    co_return why.empty() ? Status() : refuse(request, object, why);
  }

 private:
  /// Of most kinds only their number counts; of some what they ask for, which may change.
  static bool concerns(const RequestContext& request, WriteKind kind) {
    const auto& info = request.info;
    if (api::quotaIgnores({info.group, info.resource})) return false;
    if (info.subresource == "resize") return kind == WriteKind::Update && info.resource == "pods";
    if (!info.subresource.empty()) return false;
    if (kind == WriteKind::Create) return true;
    return isResource(request, "", "services") ||
           isResource(request, "", "persistentvolumeclaims") ||
           isResource(request, "resource.k8s.io", "resourceclaims");
  }

  [[nodiscard]] const LimitedResource* limitOf(const RequestInfo& info) const {
    for (const auto& one : limited_) {
      if (one.plural == info.resource && one.group == info.group) return &one;
    }
    return nullptr;
  }

  static void addLimits(const LimitedResource& limit, QuotaCharge& charge) {
    for (const auto& [name, value] : charge.whole) {
      const bool limited = std::any_of(
          limit.matchContains.begin(), limit.matchContains.end(),
          [&name](const std::string& part) { return name.find(part) != std::string::npos; });
      if (limited) charge.limited.push_back(name);
    }
    for (const auto& scope : limit.matchScopes) {
      if (api::quotaScopeHolds(scope, view(*charge.object))) charge.limitedScopes.push_back(scope);
    }
  }

  Executor& executor_;
  mutable QuotaLedger ledger_;
  std::vector<LimitedResource> limited_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeResourceQuotaAdmission(const AdmissionSources& sources,
                                                            std::vector<LimitedResource> limited) {
  return std::make_unique<ResourceQuotaAdmission>(sources, std::move(limited));
}

}  // namespace coxswain::apiserver
