#pragma once

#include <map>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/framework/foreign_kinds.h"

namespace coxswain::api::core::v1 {
struct ResourceQuota;
struct ResourceQuotaStatus;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::resourcequota {

/// Counts what namespaces with a quota use, into the quota's status. Changes that come quickly are
/// counted together. The API server counts writes before it stores them: a status that has just
/// changed is not lowered at once, for what it counts may still be on its way here. Kinds that are
/// served later ("count/widgets.example.com") are counted from then on.
/// Upstream: pkg/controller/resourcequota.
class ResourceQuotaController final : public Controller {
 public:
  /// `syncPeriod`: how long a quota that nothing happens to waits for its next count.
  explicit ResourceQuotaController(const Context& context, int workers = 5,
                                   Duration syncPeriod = 5min);

 protected:
  Task<Status> prepare(std::stop_token stop) override;
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  struct Kind {
    const client::ResourceType* type;
    client::Informer* informer;
  };
  /// A status that is to be lowered, as it was when that was first found.
  struct Lowered {
    std::string resourceVersion;
    int deferred = 0;
  };
  void onObject(const client::Change& change);
  void take(const ForeignKinds& found);
  bool mustWait(const std::string& key, const api::core::v1::ResourceQuota& quota,
                const api::core::v1::ResourceQuotaStatus& counted);
  [[nodiscard]] api::core::v1::ResourceQuotaStatus count(
      const api::core::v1::ResourceQuota& quota) const;

  Duration syncPeriod_;
  client::Informer& quotas_;
  ForeignKindsSearch search_;
  std::vector<Kind> kinds_;
  std::map<std::string, Lowered> lowered_;
};

}  // namespace coxswain::controllers::resourcequota
