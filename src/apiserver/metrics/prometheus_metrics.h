#pragma once

#include <string>

#include "apiserver/server/api_server.h"
#include "apiserver/server/own_groups.h"
#include "metrics_api/catalog.h"

namespace coxswain::apiserver {

/// custom.metrics.k8s.io, v1beta1 or v1beta2: metrics of objects, by a Prometheus server. Upstream:
/// prometheus-adapter. One executor, the server's.
class CustomMetrics final : public OwnGroup {
 public:
  /// `version`: "v1beta1" or "v1beta2". References outlive it.
  CustomMetrics(std::string version, metrics_api::Catalog& catalog, const ApiServer& server);

  void appendServed(std::vector<ServedResource>& to) const override;
  [[nodiscard]] uint64_t edition() const override { return catalog_.edition(); }
  void refresh() override { catalog_.refresh(); }
  Task<Status> serve(Exchange& exchange) override;

 private:
  struct Asked;
  [[nodiscard]] Result<std::vector<std::string>> names(const Asked& asked,
                                                       const Exchange& exchange) const;
  Task<Status> answer(Exchange& exchange, Asked asked);

  metrics_api::Catalog& catalog_;
  const ApiServer& server_;
};

/// external.metrics.k8s.io/v1beta1: metrics of nothing in the cluster, likewise.
class ExternalMetrics final : public OwnGroup {
 public:
  explicit ExternalMetrics(metrics_api::Catalog& catalog);

  void appendServed(std::vector<ServedResource>& to) const override;
  [[nodiscard]] uint64_t edition() const override { return catalog_.edition(); }
  void refresh() override { catalog_.refresh(); }
  Task<Status> serve(Exchange& exchange) override;

 private:
  metrics_api::Catalog& catalog_;
};

/// By the resources that this server serves; an empty group means any.
std::optional<metrics_api::KnownResource> findKnownResource(
    const metrics_api::NamedResource& named);

}  // namespace coxswain::apiserver
