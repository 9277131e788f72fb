#include <fmt/format.h>

#include <map>

#include "kubelet/stats/node_stats.h"

namespace coxswain::kubelet {
namespace {

using Counts = VolumeUsage::Counts;

struct Metric {
  const char* name;
  const char* help;
  std::optional<Counts> VolumeUsage::*counts;
  int64_t Counts::*value;
};

constexpr Metric kMetrics[] = {
    {"available_bytes", "Number of available bytes in the volume", &VolumeUsage::bytes,
     &Counts::available},
    {"capacity_bytes", "Capacity in bytes of the volume", &VolumeUsage::bytes, &Counts::total},
    {"inodes", "Maximum number of inodes in the volume", &VolumeUsage::inodes, &Counts::total},
    {"inodes_free", "Number of free inodes in the volume", &VolumeUsage::inodes,
     &Counts::available},
    {"inodes_used", "Number of used inodes in the volume", &VolumeUsage::inodes, &Counts::used},
    {"used_bytes", "Number of used bytes in the volume", &VolumeUsage::bytes, &Counts::used},
};

}  // namespace

std::string volumeMetricsText(const std::vector<VolumeUsage>& volumes) {
  std::map<std::pair<std::string, std::string>, const VolumeUsage*> claims;
  for (const auto& usage : volumes) {
    if (!usage.claimName.empty()) claims[{usage.claimNamespace, usage.claimName}] = &usage;
  }
  std::string out;
  for (const auto& metric : kMetrics) {
    std::string lines;
    for (const auto& [claim, usage] : claims) {
      const auto& counts = usage->*metric.counts;
      if (!counts) continue;
      lines += fmt::format(
          "kubelet_volume_stats_{}{{namespace=\"{}\",persistentvolumeclaim=\"{}\"}} {}\n",
          metric.name, claim.first, claim.second, (*counts).*metric.value);
    }
    if (lines.empty()) continue;
    out +=
        fmt::format("# HELP kubelet_volume_stats_{0} {1}\n# TYPE kubelet_volume_stats_{0} gauge\n",
                    metric.name, metric.help);
    out += lines;
  }
  return out;
}

}  // namespace coxswain::kubelet
