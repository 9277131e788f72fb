#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/helpers/resources.h"
#include "api/reflect/map.h"
#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Taint;
}

namespace coxswain::kubelet {

/// What a kubelet is told by its flags and configuration file. Names as KubeletConfiguration's.
struct KubeletOptions {
  KubeletOptions();
  KubeletOptions(const KubeletOptions&);
  KubeletOptions(KubeletOptions&&) noexcept;
  KubeletOptions& operator=(const KubeletOptions&);
  KubeletOptions& operator=(KubeletOptions&&) noexcept;
  ~KubeletOptions();

  // The node.
  std::string nodeName;  ///< empty: the host's name, in small letters
  /// First IPv4 and IPv6 address of the node. Empty: that of the interface of the default route.
  std::vector<std::string> nodeIps;
  api::Map<std::string> nodeLabels;
  std::vector<api::core::v1::Taint> registerWithTaints;
  bool registerNode = true;
  std::string providerId;
  std::string kubeletVersion = "v1.36.2";
  int32_t port = 10250;  ///< in status.daemonEndpoints
  int32_t maxPods = 110;
  api::ResourceList kubeReserved;
  api::ResourceList systemReserved;
  /// Less than this left is pressure, told in the node's conditions, and is kept from pods:
  /// "memory.available": "100Mi" or "10%".
  std::map<std::string, std::string> evictionHard = {
      {"memory.available", "100Mi"}, {"nodefs.available", "10%"}, {"nodefs.inodesFree", "5%"}};
  Duration nodeStatusUpdateFrequency = 10s;
  Duration nodeStatusReportFrequency = 5min;
  int32_t nodeLeaseDurationSeconds = 40;

  // Places.
  std::string rootDir = "/var/lib/kubelet";
  std::string podLogsDir = "/var/log/pods";
  std::string containerLogsDir = "/var/log/containers";  ///< links to the logs; empty: none
  std::string staticPodPath;                             ///< empty: no static pods
  Duration fileCheckFrequency = 20s;

  // DNS of pods.
  std::vector<std::string> clusterDns;
  std::string clusterDomain;  ///< "cluster.local"; empty: no search domains
  std::string resolvConf = "/etc/resolv.conf";

  // Cgroups.
  bool cgroupsPerQos = true;
  std::string cgroupRoot = "/";
  std::string cgroupDriver = "cgroupfs";  ///< what the runtime says wins
  int64_t podPidsLimit = -1;
  bool cpuCfsQuota = true;
  Duration cpuCfsQuotaPeriod = 100ms;
  bool seccompDefault = false;  ///< pods that ask for no seccomp profile get RuntimeDefault

  // Pods.
  Duration syncFrequency = 1min;
  Duration podSyncBackoff = 10s;
  Duration crashLoopBackOffMax = 300s;
  bool serializeImagePulls = true;
  int maxParallelImagePulls = 0;
  double registryPullQps = 5;
  int registryBurst = 10;
  int32_t imageGcHighThresholdPercent = 85;  ///< of the images' disk in use; 100: images stay
  int32_t imageGcLowThresholdPercent = 80;
  Duration imageMinimumGcAge = 2min;
  int64_t containerLogMaxBytes = 10 << 20;  ///< a larger log is rotated; negative: never
  int containerLogMaxFiles = 5;             ///< the one being written included
  Duration containerLogMonitorInterval = 10s;

  /// Big volumes are removed on a thread of their own: not under virtual time.
  bool removeOnThread = false;
};

}  // namespace coxswain::kubelet
