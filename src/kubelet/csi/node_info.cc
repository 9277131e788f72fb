#include "kubelet/csi/node_info.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/names/quote.h"
#include "client/resources.h"

namespace coxswain::kubelet::csi {

using api::core::v1::Node;
using api::storage::v1::CSINode;
using api::storage::v1::CSINodeDriver;

namespace {

constexpr std::string_view kNodeIds = "csi.volume.kubernetes.io/nodeid";
constexpr std::string_view kMigrated = "storage.alpha.kubernetes.io/migrated-plugins";
/// Kinds of volumes that upstream's own code no longer mounts; schedulers read it.
constexpr std::string_view kMigratedPlugins =
    "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,"
    "kubernetes.io/cinder,kubernetes.io/gce-pd,kubernetes.io/portworx-volume,"
    "kubernetes.io/vsphere-volume";
constexpr int kConflictsMax = 10;

/// Driver names and this node's ids there.
boost::json::object nodeIds(const Node& node) {
  const auto* text = node.metadata.annotations.get(kNodeIds);
  if (text == nullptr) return {};
  auto value = api::parseJsonValue(*text);
  if (!value.ok() || !value->is_object()) return {};
  return value->as_object();
}

CSINodeDriver driverOf(std::string name, const NodeGetInfoResponse& info) {
  CSINodeDriver driver;
  driver.name = std::move(name);
  driver.nodeID = info.nodeId;
  if (info.accessibleTopology) {
    for (const auto& [key, value] : info.accessibleTopology->segments) {
      driver.topologyKeys.push_back(key);
    }
  }
  if (info.maxVolumesPerNode > 0) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    driver.allocatable.emplace().count =
        static_cast<int32_t>(std::min(info.maxVolumesPerNode, kMost));
  }
  return driver;
}

CSINode newCsiNode(const Node& node) {
  CSINode made;
  made.metadata.name = node.metadata.name;
  made.metadata.annotations[kMigrated] = std::string(kMigratedPlugins);
  auto& owner = made.metadata.ownerReferences.emplace_back();
  owner.apiVersion = "v1";
  owner.kind = "Node";
  owner.name = node.metadata.name;
  owner.uid = node.metadata.uid;
  return made;
}

}  // namespace

Task<Status> NodeInfoWriter::ensure(std::stop_token stop) {
  return changeCsiNode("", nullptr, std::move(stop));
}

Task<Status> NodeInfoWriter::install(std::string driver, NodeGetInfoResponse info,
                                     std::stop_token stop) {
  if (info.nodeId.empty()) {
    co_return badRequest("error adding CSI driver node info: nodeID must not be empty");
  }
  CO_TRY_STATUS(co_await turn_.acquire(stop));
  Status done = co_await describeNode(driver, info, stop);
  if (done.ok()) done = co_await changeCsiNode(std::move(driver), &info, stop);
  turn_.release();
  co_return done.withContext("error updating CSINode object with CSI driver node info");
}

Task<std::optional<Duration>> NodeInfoWriter::updatePeriod(std::string driver,
                                                           std::stop_token stop) {
  auto found = co_await client::get<api::storage::v1::CSIDriver>(client_, "", std::move(driver),
                                                                 std::move(stop));
  if (!found.ok()) co_return std::nullopt;
  const auto& seconds = (*found)->spec.nodeAllocatableUpdatePeriodSeconds;
  if (!seconds || *seconds <= 0) co_return std::nullopt;
  co_return std::chrono::seconds(std::min<int64_t>(*seconds, 365LL * 24 * 3600));
}

Task<Status> NodeInfoWriter::uninstall(std::string driver, std::stop_token stop) {
  CO_TRY_STATUS(co_await turn_.acquire(stop));
  NodeGetInfoResponse gone;  // without an id
  Status done = co_await changeCsiNode(driver, &gone, stop);
  if (done.ok()) done = co_await forgetNodeId(std::move(driver), stop);
  turn_.release();
  co_return done.withContext("error uninstalling CSI driver from CSINode object");
}

/// The annotation and the labels.
Task<Status> NodeInfoWriter::describeNode(std::string driver, NodeGetInfoResponse info,
                                          std::stop_token stop) {
  CO_TRY(auto node, co_await client::get<Node>(client_, "", nodeName_, stop));
  boost::json::object metadata;
  auto ids = nodeIds(*node);
  if (const auto* known = ids.if_contains(driver);
      known == nullptr || *known != boost::json::value(info.nodeId)) {
    ids[driver] = info.nodeId;
    metadata["annotations"] = boost::json::object{{kNodeIds, api::writeJsonValue(ids)}};
  }
  boost::json::object labels;
  if (info.accessibleTopology) {
    for (const auto& [key, value] : info.accessibleTopology->segments) {
      const auto* present = node->metadata.labels.get(key);
      if (present == nullptr) {
        labels[key] = value;
      } else if (*present != value) {
        co_return badRequest("detected topology value collision: driver reported " +
                             api::goQuote(key) + ":" + api::goQuote(value) +
                             " but existing label is " + api::goQuote(key) + ":" +
                             api::goQuote(*present));
      }
    }
  }
  if (!labels.empty()) metadata["labels"] = std::move(labels);
  if (metadata.empty()) co_return Status();
  boost::json::object body;
  body["metadata"] = std::move(metadata);
  auto answer =
      co_await client_.patch(client::resourceOf<Node>(), "", nodeName_, "",
                             client::PatchType::StrategicMerge, api::writeJsonValue(body), stop);
  co_return answer.ok() ? Status() : answer.status();
}

Task<Status> NodeInfoWriter::forgetNodeId(std::string driver, std::stop_token stop) {
  auto node = co_await client::get<Node>(client_, "", nodeName_, stop);
  if (!node.ok()) co_return isNotFound(node.status()) ? Status() : node.status();
  auto ids = nodeIds(**node);
  if (ids.erase(driver) == 0) co_return Status();
  boost::json::object annotations;
  if (ids.empty()) {
    annotations[kNodeIds] = nullptr;
  } else {
    annotations[kNodeIds] = api::writeJsonValue(ids);
  }
  boost::json::object metadata;
  metadata["annotations"] = std::move(annotations);
  boost::json::object body;
  body["metadata"] = std::move(metadata);
  auto answer =
      co_await client_.patch(client::resourceOf<Node>(), "", nodeName_, "",
                             client::PatchType::StrategicMerge, api::writeJsonValue(body), stop);
  co_return answer.ok() ? Status() : answer.status();
}

/// `info` null: only makes the object; without a node id: takes the driver out. The caller awaits,
/// so it outlives this.
Task<Status> NodeInfoWriter::changeCsiNode(std::string driver, const NodeGetInfoResponse* info,
                                           std::stop_token stop) {
  const bool removes = info != nullptr && info->nodeId.empty();
  Status last;
  for (int i = 0; i < kConflictsMax; ++i) {
    auto stored = co_await client::get<CSINode>(client_, "", nodeName_, stop);
    CSINode wanted;
    const bool fresh = !stored.ok();
    if (fresh) {
      if (!isNotFound(stored.status())) co_return stored.status();
      if (removes) co_return Status();
      CO_TRY(auto node, co_await client::get<Node>(client_, "", nodeName_, stop));
      wanted = newCsiNode(*node);
    } else {
      wanted = **stored;
    }
    if (info != nullptr) {
      auto& drivers = wanted.spec.drivers;
      std::erase_if(drivers, [&](const auto& one) { return one.name == driver; });
      if (!removes) drivers.push_back(driverOf(driver, *info));
    }
    if (!fresh && wanted.spec == (*stored)->spec) co_return Status();
    auto written = fresh ? co_await client::create(client_, std::move(wanted), stop)
                         : co_await client::update(client_, std::move(wanted), "", stop);
    if (written.ok()) co_return Status();
    last = written.status();
    if (!isConflict(last) && !isAlreadyExists(last)) break;
  }
  co_return last;
}

}  // namespace coxswain::kubelet::csi
