#include "apiserver/admission/quota_ledger.h"

#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "runtime/one_shot.h"

namespace coxswain::apiserver {
namespace {

using api::QuotaKind;
using api::ResourceList;
using api::core::v1::Pod;
using api::core::v1::ResourceQuota;
using Scope = api::core::v1::ScopedResourceSelectorRequirement;

/// The object as helpers take it, without owning it.
api::ConstObject view(const api::Object& object) {
  std::shared_ptr<const void> nobody;
  return {object.info(), std::shared_ptr<const void>(nobody, object.data())};
}

/// "cpu=1,pods=2".
std::string text(const ResourceList& list) {
  std::string out;
  for (const auto& [name, value] : list) {
    out += (out.empty() ? "" : ",") + name + "=" + value.str();
  }
  return out;
}

template <typename T>
std::string joined(const T& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

/// As Go prints a list of structs.
std::string text(const std::vector<Scope>& scopes) {
  std::string out = "[";
  for (const auto& scope : scopes) {
    out += (out.size() > 1 ? " {" : "{") + scope.scopeName + " " + scope.operator_ + " [";
    for (size_t i = 0; i < scope.values.size(); ++i) out += (i > 0 ? " " : "") + scope.values[i];
    out += "]}";
  }
  return out + "]";
}

/// What of `all` the quota has a bound for.
ResourceList masked(const ResourceList& all, const ResourceList& by) {
  ResourceList out;
  for (const auto& [name, value] : all) {
    if (by.contains(name)) out[name] = value;
  }
  return out;
}

/// The quota has a name of what such objects use up.
bool concerns(QuotaKind kind, const ResourceList& hard) {
  return std::any_of(hard.begin(), hard.end(),
                     [kind](const auto& bound) { return api::quotaConcerns(kind, bound.first); });
}

bool counts(const ResourceQuota& quota, const api::Object& object) {
  return api::quotaMatches(quota.spec, view(object));
}

/// What of the write this quota counts. Empty: nothing.
ResourceList wantedOf(const ResourceQuota& quota, const QuotaCharge& charge) {
  const bool countedBefore = charge.old && counts(quota, *charge.old);
  const auto& usage = charge.old && !countedBefore ? charge.whole : charge.delta;
  return masked(usage, quota.status.hard);
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

/// Nobody has counted yet what such objects use of the quota; empty: somebody has.
std::string uncounted(const ResourceQuota& quota, QuotaKind kind) {
  std::set<std::string> names;
  for (const auto& [name, bound] : quota.status.hard) {
    if (api::quotaConcerns(kind, name) && !quota.status.used.contains(name)) names.insert(name);
  }
  if (names.empty()) return {};
  return "status unknown for quota: " + quota.metadata.name + ", resources: " + joined(names);
}

/// The quotas that count the write; why it may not be done in `why`.
std::vector<const ResourceQuota*> interested(const std::vector<api::ConstObject>& quotas,
                                             QuotaKind kind, const QuotaCharge& charge,
                                             std::string& why) {
  std::vector<const ResourceQuota*> out;
  std::set<std::string> uncovered(charge.limited.begin(), charge.limited.end());
  std::vector<Scope> uncoveredScopes = charge.limitedScopes;
  for (const auto& stored : quotas) {
    const auto& quota = *stored.as<ResourceQuota>();
    if (!concerns(kind, quota.status.hard) || !counts(quota, *charge.object)) continue;
    if (const auto* pod = charge.object->as<Pod>()) {
      auto missing = api::quotaMissing(*pod, quota.status.hard);
      if (!missing.empty()) {
        why = "failed quota: " + quota.metadata.name + ": " + missing;
        return {};
      }
    }
    why = uncounted(quota, kind);
    if (!why.empty()) return {};
    for (const auto& [name, bound] : quota.status.hard) uncovered.erase(name);
    const auto scopes = api::quotaScopes(quota.spec);
    std::erase_if(uncoveredScopes, [&scopes](const Scope& limited) {
      return std::any_of(scopes.begin(), scopes.end(), [&limited](const Scope& scope) {
        return scope.scopeName == limited.scopeName;
      });
    });
    out.push_back(&quota);
  }
  if (!uncovered.empty()) {
    why = "insufficient quota to consume: " + joined(uncovered);
  } else if (!uncoveredScopes.empty()) {
    why = "insufficient quota to match these scopes: " + text(uncoveredScopes);
  }
  return out;
}

}  // namespace

/// One write, and what became of it.
struct QuotaLedger::Waiting {
  QuotaKind kind;
  QuotaCharge charge;
  std::string why;     ///< it was refused
  Status failed;       ///< it could not be charged
  OneShot<bool> turn;  ///< true: charge all that wait; false: done

  [[nodiscard]] bool open() const { return why.empty() && failed.ok(); }
};

bool QuotaLedger::hasQuotas(std::string_view ns) const {
  return !quotas_.empty(ns);
}

Task<Result<std::string>> QuotaLedger::charge(std::string ns, QuotaKind kind, QuotaCharge charge,
                                              bool dryRun) {
  auto own = std::make_shared<Waiting>();
  own->kind = kind;
  own->charge = std::move(charge);
  if (dryRun) {
    CO_TRY(auto quotas, quotas_.list(ns));
    for (const auto* quota : interested(quotas, kind, own->charge, own->why)) {
      if (own->why.empty()) own->why = exceeded(*quota, wantedOf(*quota, own->charge));
    }
    co_return own->why;
  }
  auto& queue = queues_[ns];
  queue.waiting.push_back(own);
  if (queue.led) {
    const auto lead = co_await own->turn.wait();
    if (!*lead) {
      if (!own->failed.ok()) co_return own->failed;
      co_return own->why;
    }
  }
  // Elements of the map stay where they are.
  queue.led = true;
  const auto batch = std::exchange(queue.waiting, {});
  co_await settle(ns, batch);
  for (const auto& one : batch) {
    if (one != own) one->turn.set(false);
  }
  if (queue.waiting.empty()) {
    queues_.erase(ns);
  } else {
    queue.waiting.front()->turn.set(true);
  }
  if (!own->failed.ok()) co_return own->failed;
  co_return own->why;
}

Task<void> QuotaLedger::settle(const std::string& ns,
                               const std::vector<std::shared_ptr<Waiting>>& batch) {
  auto quotas = quotas_.list(ns);
  if (!quotas.ok()) {
    for (const auto& one : batch) one->failed = quotas.status();
    co_return;
  }
  // What the batch comes to, on copies: a write that one quota refuses must not count in another.
  std::vector<ResourceQuota> next;
  std::set<std::string> changed;
  for (const auto& stored : *quotas) next.push_back(*stored.as<ResourceQuota>());
  for (const auto& one : batch) {
    const auto relevant = interested(*quotas, one->kind, one->charge, one->why);
    if (!one->why.empty()) continue;
    std::vector<std::pair<ResourceQuota*, ResourceList>> taken;
    for (const auto* quota : relevant) {
      auto same = std::find_if(next.begin(), next.end(), [quota](const ResourceQuota& other) {
        return other.metadata.name == quota->metadata.name;
      });
      auto wanted = wantedOf(*same, one->charge);
      if (wanted.empty()) continue;
      one->why = exceeded(*same, wanted);
      if (!one->why.empty()) break;
      taken.emplace_back(&*same, std::move(wanted));
    }
    if (!one->why.empty()) continue;
    for (auto& [quota, wanted] : taken) {
      for (const auto& [name, value] : wanted) quota->status.used[name] += value;
      changed.insert(quota->metadata.name);
    }
  }
  for (const auto& name : changed) {
    Status written = co_await write(ns, name, batch);
    if (written.ok()) continue;
    for (const auto& one : batch) {
      if (one->open()) one->failed = written;
    }
  }
}

/// Adds to the quota, as it is by then, what the open writes of the batch use of it. Those that do
/// not fit any more are refused.
Task<Status> QuotaLedger::write(const std::string& ns, const std::string& quota,
                                const std::vector<std::shared_ptr<Waiting>>& batch) {
  GenericRegistry::UpdateRequest update;
  update.ns = ns;
  update.name = quota;
  update.status = true;
  std::vector<std::pair<Waiting*, std::string>> refused;
  GenericRegistry::Transform transform = [&](const api::Object* current) -> Result<api::Object> {
    refused.clear();
    if (!current) return notFound("resourcequotas", quota);
    auto next = current->clone();
    auto& to = *next.as<ResourceQuota>();
    for (const auto& one : batch) {
      if (!one->open() || !concerns(one->kind, to.status.hard)) continue;
      if (!counts(to, *one->charge.object)) continue;
      const auto wanted = wantedOf(to, one->charge);
      auto why = exceeded(to, wanted);
      if (!why.empty()) {
        refused.emplace_back(one.get(), std::move(why));
        continue;
      }
      for (const auto& [name, value] : wanted) to.status.used[name] += value;
    }
    return next;
  };
  auto updated = co_await quotas_.registry()->update(std::move(update), transform);
  // A quota that is gone counts nothing any more.
  if (!updated.ok()) co_return isNotFound(updated.status()) ? Status() : updated.status();
  for (auto& [one, why] : refused) one->why = std::move(why);
  co_return Status();
}

}  // namespace coxswain::apiserver
