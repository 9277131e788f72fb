#include "apiserver/admission/resource_quota.h"

#include <algorithm>
#include <map>

#include "api/gen/core_v1.h"
#include "api/helpers/quota.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::QuotaKind;
using api::ResourceList;

/// The object as helpers take it, without owning it.
api::ConstObject view(const api::Object& object) {
  std::shared_ptr<const void> nobody;
  return api::ConstObject(object.info(), std::shared_ptr<const void>(nobody, object.data()));
}

/// "cpu=1,pods=2".
std::string text(const ResourceList& list) {
  std::string out;
  for (const auto& [name, value] : list) {
    out += (out.empty() ? "" : ",") + name + "=" + value.str();
  }
  return out;
}

/// What of `all` the quota has a bound for.
ResourceList masked(const ResourceList& all, const ResourceList& by) {
  ResourceList out;
  for (const auto& [name, value] : all) {
    if (by.contains(name)) out[name] = value;
  }
  return out;
}

/// What the write uses up beyond what its object did before: growth alone, shrinking is the
/// controller's to count.
ResourceList growth(QuotaKind kind, const api::Object& next, const api::Object* old,
                    api::Time now) {
  auto usage = api::quotaUsage(kind, view(next), now);
  if (!old) return usage;
  ResourceList grown;
  auto before = api::quotaUsage(kind, view(*old), now);
  for (const auto& [name, value] : usage) {
    const auto* was = before.get(name);
    auto delta = was ? value - *was : value;
    if (delta.sign() > 0) grown[name] = delta;
  }
  return grown;
}

/// Resources that every container must ask for where a quota counts them.
void addMissing(const Container& container, const ResourceList& hard,
                std::map<std::string, std::string>& missing) {
  for (const char* base : {"cpu", "memory"}) {
    const bool requests = container.resources.requests.contains(base);
    const bool limits = container.resources.limits.contains(base);
    auto need = [&](const std::string& name, bool present) {
      if (present || !hard.contains(name)) return;
      auto& names = missing[name];
      names += (names.empty() ? "" : ",") + container.name;
    };
    need(base, requests);
    need(std::string("requests.") + base, requests);
    need(std::string("limits.") + base, limits);
  }
}

/// Empty: nothing is missing.
std::string missingText(const Pod& pod, const ResourceList& hard) {
  std::map<std::string, std::string> missing;
  for (const auto& container : pod.spec.containers) addMissing(container, hard, missing);
  for (const auto& container : pod.spec.initContainers) addMissing(container, hard, missing);
  std::string out;
  for (const auto& [name, containers] : missing) {
    out += (out.empty() ? "must specify " : "; ") + name + " for: " + containers;
  }
  return out;
}

/// What may not be; empty: it fits.
std::string exceeded(const ResourceQuota& quota, const ResourceList& wanted) {
  ResourceList over;
  ResourceList used;
  ResourceList hard;
  for (const auto& [name, value] : wanted) {
    const auto* bound = quota.status.hard.get(name);
    const auto* present = quota.status.used.get(name);
    if (!bound || !present || *present + value <= *bound) continue;
    over[name] = value;
    used[name] = *present;
    hard[name] = *bound;
  }
  if (over.empty()) return {};
  return "exceeded quota: " + quota.metadata.name + ", requested: " + text(over) +
         ", used: " + text(used) + ", limited: " + text(hard);
}

std::string unknown(const ResourceQuota& quota, const ResourceList& wanted) {
  std::string names;
  for (const auto& [name, value] : wanted) {
    if (!quota.status.used.contains(name)) names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) return {};
  return "status unknown for quota: " + quota.metadata.name + ", resources: " + names;
}

}  // namespace

bool ResourceQuotaAdmission::handles(const RequestContext& request, WriteKind kind) const {
  const auto& info = request.info;
  if (info.ns.empty() || !info.subresource.empty()) return false;
  if (kind == WriteKind::Create) return true;
  return kind == WriteKind::Update &&
         (isResource(request, "", "services") || isResource(request, "", "persistentvolumeclaims"));
}

Task<Status> ResourceQuotaAdmission::validate(RequestContext& request, WriteKind kind,
                                              const api::Object* object,
                                              const api::Object* old) const {
  const auto& info = request.info;
  auto* registry = sources_.registry("", "v1", "resourcequotas");
  if (!registry) co_return Status();
  CO_TRY(auto quotas, sources_.list("", "resourcequotas", info.ns));
  if (quotas.empty()) co_return Status();
  const QuotaKind which{info.group, info.resource};
  const auto usage = growth(which, *object, old, api::Time(sources_.executor.wallNow()));

  struct Charge {
    std::string quota;
    ResourceList wanted;
  };
  std::vector<Charge> charges;
  for (const auto& stored : quotas) {
    const auto& quota = *stored.as<ResourceQuota>();
    if (!api::quotaMatches(quota.spec, view(*object))) continue;
    auto wanted = masked(usage, quota.status.hard);
    if (const auto* pod = object->as<Pod>()) {
      auto missing = missingText(*pod, quota.status.hard);
      if (!missing.empty()) {
        co_return refuse(request, object, "failed quota: " + quota.metadata.name + ": " + missing);
      }
    }
    if (wanted.empty()) continue;
    auto why = unknown(quota, wanted);
    if (why.empty()) why = exceeded(quota, wanted);
    if (!why.empty()) co_return refuse(request, object, why);
    charges.push_back({quota.metadata.name, std::move(wanted)});
  }
  if (request.dryRun) co_return Status();

  for (const auto& charge : charges) {
    GenericRegistry::UpdateRequest update;
    update.ns = info.ns;
    update.name = charge.quota;
    update.status = true;
    GenericRegistry::Transform transform = [&](const api::Object* current) -> Result<api::Object> {
      if (!current) return notFound("resourcequotas", charge.quota);
      auto next = current->clone();
      auto& quota = *next.as<ResourceQuota>();
      // Somebody may have been faster since.
      auto why = exceeded(quota, charge.wanted);
      if (!why.empty()) return refuse(request, object, why);
      for (const auto& [name, value] : charge.wanted) quota.status.used[name] += value;
      return next;
    };
    auto updated = co_await registry->update(std::move(update), transform);
    // A quota that is gone counts nothing any more.
    if (!updated.ok() && !isNotFound(updated.status())) co_return updated.status();
  }
  co_return Status();
}

}  // namespace coxswain::apiserver
