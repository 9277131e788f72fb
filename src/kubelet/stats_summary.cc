#include <boost/json.hpp>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "kubelet/container/names.h"
#include "kubelet/kubelet_impl.h"

namespace coxswain::kubelet {
namespace {

std::string valueOf(const api::Map<std::string>& map, std::string_view key) {
  const auto* found = map.get(key);
  return found ? *found : std::string();
}

std::string timeText(int64_t nanos) {
  return api::Time(WallTime(Duration(nanos))).str();
}

void put(boost::json::object& out, const char* name, const api::Box<cri::UInt64Value>& value) {
  if (value) out[name] = value->value;
}

boost::json::object cpuOf(const cri::CpuUsage& usage) {
  boost::json::object out;
  out["time"] = timeText(usage.timestamp);
  put(out, "usageNanoCores", usage.usageNanoCores);
  put(out, "usageCoreNanoSeconds", usage.usageCoreNanoSeconds);
  return out;
}

boost::json::object memoryOf(const cri::MemoryUsage& usage) {
  boost::json::object out;
  out["time"] = timeText(usage.timestamp);
  put(out, "availableBytes", usage.availableBytes);
  put(out, "usageBytes", usage.usageBytes);
  put(out, "workingSetBytes", usage.workingSetBytes);
  put(out, "rssBytes", usage.rssBytes);
  put(out, "pageFaults", usage.pageFaults);
  put(out, "majorPageFaults", usage.majorPageFaults);
  return out;
}

boost::json::object containerOf(const cri::ContainerStats& stats) {
  boost::json::object out;
  out["name"] = valueOf(stats.attributes->labels, kContainerNameLabel);
  if (stats.cpu) out["cpu"] = cpuOf(*stats.cpu);
  if (stats.memory) out["memory"] = memoryOf(*stats.memory);
  if (stats.writableLayer) {
    boost::json::object fs;
    fs["time"] = timeText(stats.writableLayer->timestamp);
    put(fs, "usedBytes", stats.writableLayer->usedBytes);
    put(fs, "inodesUsed", stats.writableLayer->inodesUsed);
    out["rootfs"] = std::move(fs);
  }
  return out;
}

}  // namespace

Task<Result<std::string>> Kubelet::Impl::statsSummary(std::stop_token stop) {
  cri::ContainerStatsFilter all;
  CO_TRY(auto stats, co_await deps.runtime.listContainerStats(std::move(all), stop));
  std::map<std::string, boost::json::object> pods;
  for (const auto& one : stats) {
    if (!one.attributes) continue;
    auto uid = valueOf(one.attributes->labels, kPodUidLabel);
    if (uid.empty()) continue;
    auto& pod = pods[uid];
    if (pod.empty()) {
      pod["podRef"] =
          boost::json::object{{"name", valueOf(one.attributes->labels, kPodNameLabel)},
                              {"namespace", valueOf(one.attributes->labels, kPodNamespaceLabel)},
                              {"uid", uid}};
      auto known = findPod(valueOf(one.attributes->labels, kPodNamespaceLabel),
                           valueOf(one.attributes->labels, kPodNameLabel), uid);
      if (known && known->status.startTime) pod["startTime"] = known->status.startTime->str();
      pod["containers"] = boost::json::array();
    }
    pod["containers"].as_array().push_back(containerOf(one));
  }
  boost::json::object node;
  node["nodeName"] = options.nodeName;
  auto now = timeText(deps.executor.wallNow().time_since_epoch().count());
  if (auto memory = deps.facts.memoryAvailableBytes(); memory.ok()) {
    node["memory"] =
        boost::json::object{{"time", now},
                            {"availableBytes", *memory},
                            {"usageBytes", nodes.machine().memoryBytes - *memory},
                            {"workingSetBytes", nodes.machine().memoryBytes - *memory}};
  }
  if (auto fs = deps.facts.fileSystem(options.rootDir); fs.ok()) {
    node["fs"] = boost::json::object{{"time", now},
                                     {"availableBytes", fs->bytesAvailable},
                                     {"capacityBytes", fs->bytes},
                                     {"usedBytes", fs->bytes - fs->bytesFree},
                                     {"inodes", fs->inodes},
                                     {"inodesFree", fs->inodesFree},
                                     {"inodesUsed", fs->inodes - fs->inodesFree}};
  }
  boost::json::array list;
  for (auto& [uid, pod] : pods) list.push_back(std::move(pod));
  boost::json::object summary;
  summary["node"] = std::move(node);
  summary["pods"] = std::move(list);
  co_return api::writeJsonValue(summary);
}

}  // namespace coxswain::kubelet
