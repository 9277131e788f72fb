#include <boost/json.hpp>

#include "api/codec/value.h"
#include "api/meta/time.h"
#include "kubelet/stats/node_stats.h"

namespace coxswain::kubelet {
namespace {

using boost::json::object;

std::string timeText(int64_t nanos) {
  return api::Time(WallTime(Duration(nanos))).str();
}

void put(object& out, const char* name, const api::Box<cri::UInt64Value>& value) {
  if (value) out[name] = value->value;
}

object cpuOf(const cri::CpuUsage& usage) {
  object out;
  out["time"] = timeText(usage.timestamp);
  put(out, "usageNanoCores", usage.usageNanoCores);
  put(out, "usageCoreNanoSeconds", usage.usageCoreNanoSeconds);
  return out;
}

object memoryOf(const cri::MemoryUsage& usage) {
  object out;
  out["time"] = timeText(usage.timestamp);
  put(out, "availableBytes", usage.availableBytes);
  put(out, "usageBytes", usage.usageBytes);
  put(out, "workingSetBytes", usage.workingSetBytes);
  put(out, "rssBytes", usage.rssBytes);
  put(out, "pageFaults", usage.pageFaults);
  put(out, "majorPageFaults", usage.majorPageFaults);
  return out;
}

object containerOf(const ContainerReading& container) {
  const auto& stats = container.stats;
  object out;
  out["name"] = container.name;
  if (container.startedAt != WallTime()) out["startTime"] = api::Time(container.startedAt).str();
  if (stats.cpu) out["cpu"] = cpuOf(*stats.cpu);
  if (stats.memory) out["memory"] = memoryOf(*stats.memory);
  if (stats.writableLayer) {
    object fs;
    fs["time"] = timeText(stats.writableLayer->timestamp);
    put(fs, "usedBytes", stats.writableLayer->usedBytes);
    put(fs, "inodesUsed", stats.writableLayer->inodesUsed);
    out["rootfs"] = std::move(fs);
  }
  return out;
}

object volumeOf(const VolumeUsage& usage, const std::string& now) {
  object out;
  out["time"] = now;
  if (const auto& bytes = usage.bytes) {
    out["availableBytes"] = bytes->available;
    out["capacityBytes"] = bytes->total;
    out["usedBytes"] = bytes->used;
  }
  if (const auto& inodes = usage.inodes) {
    out["inodesFree"] = inodes->available;
    out["inodes"] = inodes->total;
    out["inodesUsed"] = inodes->used;
  }
  out["name"] = usage.volume;
  if (!usage.claimName.empty()) {
    out["pvcRef"] = object{{"name", usage.claimName}, {"namespace", usage.claimNamespace}};
  }
  return out;
}

object podOf(const PodReading& pod, const std::string& now) {
  object out;
  out["podRef"] = object{{"name", pod.name}, {"namespace", pod.ns}, {"uid", pod.uid}};
  if (pod.startedAt != WallTime()) out["startTime"] = api::Time(pod.startedAt).str();
  boost::json::array containers;
  for (const auto& one : pod.containers) containers.push_back(containerOf(one));
  out["containers"] = std::move(containers);
  boost::json::array volumes;
  for (const auto& one : pod.volumes) volumes.push_back(volumeOf(one, now));
  if (!volumes.empty()) out["volume"] = std::move(volumes);
  return out;
}

object nodeOf(const NodeReading& node) {
  const auto now = api::Time(node.when).str();
  object out;
  out["nodeName"] = node.nodeName;
  if (node.cpu) {
    out["cpu"] = object{{"time", now}, {"usageCoreNanoSeconds", node.cpu->count()}};
  }
  if (node.memory) {
    out["memory"] = object{{"time", now},
                           {"availableBytes", node.memory->availableBytes},
                           {"usageBytes", node.memory->workingSetBytes},
                           {"workingSetBytes", node.memory->workingSetBytes}};
  }
  if (const auto& disk = node.disk) {
    out["fs"] = object{{"time", now},
                       {"availableBytes", disk->bytesAvailable},
                       {"capacityBytes", disk->bytes},
                       {"usedBytes", disk->bytes - disk->bytesFree},
                       {"inodes", disk->inodes},
                       {"inodesFree", disk->inodesFree},
                       {"inodesUsed", disk->inodes - disk->inodesFree}};
  }
  return out;
}

}  // namespace

std::string summaryJson(const NodeReading& node) {
  boost::json::array pods;
  for (const auto& pod : node.pods) pods.push_back(podOf(pod, api::Time(node.when).str()));
  object summary;
  summary["node"] = nodeOf(node);
  summary["pods"] = std::move(pods);
  return api::writeJsonValue(summary);
}

}  // namespace coxswain::kubelet
