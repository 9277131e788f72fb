#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "kubelet/cri/services.h"
#include "kubelet/volume/volume_usage.h"
#include "runtime/files.h"

namespace coxswain::kubelet {

/// One container, as the runtime has measured it.
struct ContainerReading {
  std::string name;
  WallTime startedAt{};  ///< the epoch: not known
  cri::ContainerStats stats;
};

struct PodReading {
  std::string ns;
  std::string name;
  std::string uid;
  WallTime startedAt{};  ///< the epoch: not known
  std::vector<ContainerReading> containers;
  std::vector<VolumeUsage> volumes;  ///< those that somebody counts
};

/// What this node and its containers used so far, read at `when`.
struct NodeReading {
  struct Memory {
    int64_t availableBytes = 0;
    int64_t workingSetBytes = 0;
  };
  std::string nodeName;
  WallTime when{};
  std::optional<Duration> cpu;  ///< busy, of all cores together, since the machine started
  std::optional<Memory> memory;
  std::optional<FileSystemInfo> disk;
  std::vector<PodReading> pods;
};

/// Running containers sorted into their pods by the labels that a kubelet gives them; others are
/// left out.
std::vector<PodReading> byPod(std::vector<cri::ContainerStats> stats);

/// stats.k8s.io/v1alpha1 Summary, JSON: /stats/summary.
std::string summaryJson(const NodeReading& node);
/// kubelet_volume_stats_*: what claims' volumes hold. Each claim once.
std::string volumeMetricsText(const std::vector<VolumeUsage>& volumes);
/// Prometheus' text format, with upstream's names: /metrics/resource, which metrics-server reads.
std::string resourceMetricsText(const NodeReading& node);

}  // namespace coxswain::kubelet
