#pragma once

#include <string>
#include <vector>

#include "controllers/framework/controller.h"

namespace coxswain::api::core::v1 {
struct ResourceQuota;
struct ResourceQuotaStatus;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::resourcequota {

/// Counts what namespaces with a quota use, into the quota's status. Changes that come quickly are
/// counted together.
/// Upstream: pkg/controller/resourcequota.
class ResourceQuotaController final : public Controller {
 public:
  explicit ResourceQuotaController(const Context& context, int workers = 5);

 protected:
  Task<Status> prepare(std::stop_token stop) override;
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  struct Kind {
    const client::ResourceType* type;
    client::Informer* informer;
  };
  void onObject(const client::Change& change);
  [[nodiscard]] api::core::v1::ResourceQuotaStatus count(
      const api::core::v1::ResourceQuota& quota) const;

  client::Informer& quotas_;
  std::vector<Kind> kinds_;
};

}  // namespace coxswain::controllers::resourcequota
