#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "apiserver/assembly/assembly.h"
#include "apiserver/kubelet_proxy/kubelet_connections.h"
#include "base/result.h"
#include "runtime/reactor.h"

namespace coxswain::cmd {

/// The metrics APIs that the API server serves itself.
struct MetricsOptions {
  bool resource = false;                 ///< metrics.k8s.io
  std::string resolution = "15s";        ///< how often kubelets are read, while somebody asks
  std::string prometheusUrl;             ///< of custom and external metrics; empty: neither
  std::string prometheusCaFile;          ///< empty: the system's
  std::string prometheusTokenFile;       ///< a bearer token; empty: none
  std::string rulesFile;                 ///< with prometheusUrl: which metrics there are
  std::string relistInterval = "10m0s";  ///< how often its series are listed, while somebody asks
};

/// Flags of both kube-apiserver and up.
void addMetricsFlags(CLI::App& app, MetricsOptions& options);

/// What stands behind the groups; goes after the assembly.
class MetricsApis {
 public:
  /// Adds the groups to the assembly's server, before it starts. BadRequest for options that cannot
  /// be. References outlive it.
  static Result<std::unique_ptr<MetricsApis>> create(Reactor& reactor,
                                                     const MetricsOptions& options,
                                                     apiserver::KubeletConnections& kubelets,
                                                     apiserver::ApiServer& server);
  ~MetricsApis();
  /// Before the server ends.
  Task<void> stop();

 private:
  struct Impl;
  explicit MetricsApis(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::cmd
