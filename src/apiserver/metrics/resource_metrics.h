#pragma once

#include <memory>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/kubelet_proxy/kubelet_connections.h"
#include "apiserver/server/own_groups.h"
#include "metrics_api/scraper.h"

namespace coxswain::apiserver {

/// metrics.k8s.io/v1beta1, built in: what nodes and pods use now, by their kubelets' readings.
/// Upstream: metrics-server. One executor, the server's.
class ResourceMetrics final : public OwnGroup {
 public:
  struct Sources {
    Executor& executor;
    metrics_api::Kubelets& kubelets;
    GenericRegistry& nodes;
    GenericRegistry& pods;
  };
  /// `sources` outlive it.
  ResourceMetrics(Sources sources, metrics_api::Scraper::Options options);

  void appendServed(std::vector<ServedResource>& to) const override;
  Task<Status> serve(Exchange& exchange) override;
  /// Always, before the server goes.
  Task<void> stop() { return scraper_.stop(); }
  [[nodiscard]] bool reading() const { return scraper_.running(); }

 private:
  Task<Status> serveNodes(Exchange& exchange);
  Task<Status> servePods(Exchange& exchange);

  Sources sources_;
  metrics_api::Scraper scraper_;
};

/// Kubelets as the proxies of this server reach them.
class ConnectedKubelets final : public metrics_api::Kubelets {
 public:
  /// Both outlive it.
  ConnectedKubelets(KubeletConnections& connections, GenericRegistry& nodes)
      : connections_(connections), nodes_(nodes) {}
  Result<std::vector<std::string>> nodes() override;
  Task<Result<std::string>> resourceMetrics(std::string node, std::stop_token stop) override;

 private:
  KubeletConnections& connections_;
  GenericRegistry& nodes_;
};

}  // namespace coxswain::apiserver
