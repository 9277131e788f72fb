#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/autoscaler_flags.h"
#include "cmd/metrics.h"
#include "up/layout.h"

namespace coxswain::cmd {

/// What the flags of `coxswain up` say.
struct UpOptions {
  std::string dataDir = "/var/lib/coxswain";
  std::string nodeName;  ///< empty: the host's name
  std::string nodeIp;    ///< empty: the address of the default route, or of the pod bridge
  std::string bindAddress = "0.0.0.0";
  uint16_t securePort = 6443;
  uint16_t kubeletPort = 10250;
  std::string clusterCidr = "10.244.0.0/16";
  std::string serviceCidr = "10.96.0.0/16";
  std::string clusterDomain = "cluster.local";
  std::string tokenAuthFile;    ///< empty: none
  std::string runtimeEndpoint;  ///< empty: a containerd of our own
  std::string cniPluginFolder;  ///< empty: found
  MetricsOptions metrics;       ///< metrics.k8s.io is on
  AutoscalerFlags autoscaler;
  std::string schedulerConfig;  ///< a KubeSchedulerConfiguration; empty: the default profile
  bool loadBalancers = true;    ///< Services of that type are answered on the node's addresses
  bool localPath = true;        ///< volumes of folders of this node
  std::string localPathFolder;  ///< empty: in the data folder
  std::string localPathClass = "local-path";
  bool foreground = false;  ///< serve in this process, without a parent that restarts it

  [[nodiscard]] up::Layout layout() const { return up::Layout::at(dataDir); }
};

/// Sub-processes of `up` are this program again, told by an environment variable what they are.
enum class UpRole { User, Supervisor, Server };

}  // namespace coxswain::cmd
