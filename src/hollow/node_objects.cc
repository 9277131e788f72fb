#include "hollow/node_objects.h"

#include <algorithm>
#include <charconv>

namespace coxswain::hollow {

using api::core::v1::Node;
using api::core::v1::NodeCondition;

namespace {

constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

void setCondition(Node& node, const char* type, const char* status, const char* reason,
                  const char* message, WallTime now) {
  NodeCondition condition;
  condition.type = type;
  condition.status = status;
  condition.reason = reason;
  condition.message = message;
  condition.lastHeartbeatTime = api::Time(now);
  condition.lastTransitionTime = api::Time(now);
  auto& all = node.status.conditions;
  auto same =
      std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.type == condition.type; });
  if (same == all.end()) {
    all.push_back(std::move(condition));
    return;
  }
  if (same->status == condition.status) condition.lastTransitionTime = same->lastTransitionTime;
  *same = std::move(condition);
}

}  // namespace

Status NodeShape::setCapacity(std::string_view resource, const std::string& amount) {
  auto quantity = api::Quantity::parse(amount);
  if (!quantity.ok()) return quantity.status();
  if (quantity->sign() < 0) return badRequest(amount + " is negative");
  capacity.insert_or_assign(resource, *quantity);
  return Status();
}

std::string nodeName(const NodeShape& shape, uint32_t number) {
  return shape.namePrefix + std::to_string(number);
}

std::optional<uint32_t> nodeNumber(const NodeShape& shape, std::string_view name) {
  if (!name.starts_with(shape.namePrefix)) return std::nullopt;
  name.remove_prefix(shape.namePrefix.size());
  uint32_t number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (name.size() > 1 && name[0] == '0') return std::nullopt;
  return number;
}

Node newNode(const NodeShape& shape, uint32_t number, const std::string& address, WallTime now) {
  Node node;
  auto& meta = node.metadata;
  meta.name = nodeName(shape, number);
  meta.labels["kubernetes.io/hostname"] = meta.name;
  meta.labels["kubernetes.io/os"] = "linux";
  meta.labels["kubernetes.io/arch"] = "amd64";
  if (!shape.zones.empty()) meta.labels[kZoneLabel] = shape.zones[number % shape.zones.size()];
  for (const auto& [key, value] : shape.labels) meta.labels[key] = value;
  meta.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
  node.spec.taints = shape.taints;
  updateNodeStatus(shape, address, now, node);
  return node;
}

void updateNodeStatus(const NodeShape& shape, const std::string& address, WallTime now,
                      Node& node) {
  auto& status = node.status;
  for (const auto& [name, amount] : shape.capacity) {
    status.capacity.insert_or_assign(name, amount);
    status.allocatable.insert_or_assign(name, amount);
  }
  status.addresses.resize(2);
  status.addresses[0].type = "InternalIP";
  status.addresses[0].address = address;
  status.addresses[1].type = "Hostname";
  status.addresses[1].address = node.metadata.name;
  auto& info = status.nodeInfo;
  info.osImage = "none (pretended)";
  info.containerRuntimeVersion = "hollow://1";
  info.kubeletVersion = shape.kubeletVersion;
  info.operatingSystem = "linux";
  info.architecture = "amd64";
  setCondition(node, "MemoryPressure", "False", "KubeletHasSufficientMemory",
               "kubelet has sufficient memory available", now);
  setCondition(node, "DiskPressure", "False", "KubeletHasNoDiskPressure",
               "kubelet has no disk pressure", now);
  setCondition(node, "PIDPressure", "False", "KubeletHasSufficientPID",
               "kubelet has sufficient PID available", now);
  setCondition(node, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
}

api::coordination::v1::Lease newLease(const std::string& node, const std::string& uid,
                                      int32_t seconds, WallTime now) {
  api::coordination::v1::Lease lease;
  lease.metadata.name = node;
  lease.metadata.namespace_ = kLeaseNamespace;
  auto& owner = lease.metadata.ownerReferences.emplace_back();
  owner.apiVersion = "v1";
  owner.kind = "Node";
  owner.name = node;
  owner.uid = uid;
  lease.spec.holderIdentity = node;
  lease.spec.leaseDurationSeconds = seconds;
  lease.spec.renewTime = api::MicroTime(now);
  return lease;
}

}  // namespace coxswain::hollow
