#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/helpers/quota.h"
#include "apiserver/admission/plugin.h"

namespace coxswain::apiserver {

/// What one write uses up beyond what its object did before.
struct QuotaCharge {
  const api::Object* object = nullptr;  ///< as it will be
  const api::Object* old = nullptr;     ///< null: a create
  /// By all names a quota may have for it; no zeros, not empty. May shrink.
  api::ResourceList delta;
  /// The same where a quota did not count the old object (its scopes did not hold).
  api::ResourceList whole;
  /// Names of `delta` of which nothing may be used unless a quota counts it.
  std::vector<std::string> limited = {};
  /// Scopes likewise: some quota with that scope must count the object.
  std::vector<api::core::v1::ScopedResourceSelectorRequirement> limitedScopes = {};
};

/// Charges writes to the quotas of their namespaces, in their status: what is admitted is counted
/// before it is stored, so that writes at the same time cannot together go beyond. Writes of one
/// namespace that come while others are being charged are charged together, by one update of each
/// quota. One executor.
class QuotaLedger {
 public:
  explicit QuotaLedger(const AdmissionSources& sources) : quotas_(sources, "", "resourcequotas") {}

  [[nodiscard]] bool hasQuotas(std::string_view ns) const;
  /// Why not; empty: it is charged (with `dryRun` only that it could be). What the charge points to
  /// outlives the task.
  Task<Result<std::string>> charge(std::string ns, api::QuotaKind kind, QuotaCharge charge,
                                   bool dryRun);

 private:
  struct Waiting;
  struct Queue {
    bool led = false;  ///< somebody charges
    std::vector<std::shared_ptr<Waiting>> waiting;
  };
  Task<void> settle(const std::string& ns, const std::vector<std::shared_ptr<Waiting>>& batch);
  Task<Status> write(const std::string& ns, const std::string& quota,
                     const std::vector<std::shared_ptr<Waiting>>& batch);

  SourceCollection quotas_;
  std::unordered_map<std::string, Queue> queues_;
};

}  // namespace coxswain::apiserver
