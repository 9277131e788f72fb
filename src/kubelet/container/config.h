#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kubelet/container/dns.h"
#include "kubelet/container/pod_containers.h"
#include "kubelet/container/security.h"
#include "kubelet/cri/gen/runtime.h"
#include "kubelet/env/expand.h"

namespace coxswain::kubelet {

struct ContainerDevice;
struct ContainerMount;

/// What pods' configurations take from the node. Pure functions below turn pods into CRI's terms.
struct NodeSettings {
  std::string rootDir = "/var/lib/kubelet";
  std::string podLogsDir = "/var/log/pods";
  std::string clusterDomain;
  DnsSettings dns;
  int64_t memoryCapacity = 0;  ///< bytes
  bool cgroupV2 = false;
  bool cpuCfsQuota = true;
  Duration cpuCfsQuotaPeriod = 100ms;
  bool seccompDefault = false;
};

/// <logs>/<namespace>_<name>_<uid>
std::string podLogDirectory(const std::string& logsDir, const api::core::v1::Pod& pod);

/// BadRequest: a pod that asks for what cannot be (too long a hostname, user namespaces).
Result<cri::PodSandboxConfig> sandboxConfig(const api::core::v1::Pod& pod, uint32_t attempt,
                                            const std::string& cgroupParent,
                                            const NodeSettings& node);

/// CPU, memory, huge pages and oom_score_adj of one container.
cri::LinuxContainerResources containerResources(const api::core::v1::Pod& pod,
                                                const api::core::v1::Container& container,
                                                const NodeSettings& node);

struct ContainerInputs {
  uint32_t restartCount = 0;
  std::string imageRef;
  std::vector<EnvironmentVariable> environment;
  std::vector<ContainerMount> mounts;
  std::vector<ContainerDevice> devices;
  ImageUser user;
  std::string targetId;            ///< container id, of ephemeral containers
  std::string hostsFile;           ///< to be mounted at /etc/hosts; empty: not
  std::string terminationLogFile;  ///< to be mounted at terminationMessagePath; empty: not
};

cri::ContainerConfig containerConfig(const api::core::v1::Pod& pod, const PodContainer& container,
                                     const ContainerInputs& inputs, const NodeSettings& node);

}  // namespace coxswain::kubelet
