#include "kubelet/node/node_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace coxswain::kubelet {
namespace {

using api::Quantity;
using api::core::v1::Node;
using api::core::v1::NodeCondition;
using api::core::v1::NodeStatus;

constexpr size_t kImagesMax = 50;
constexpr size_t kImageNamesMax = 5;

NodeCondition condition(const char* type, bool holds, const char* whenTrue, const char* trueText,
                        const char* whenFalse, const char* falseText) {
  NodeCondition out;
  out.type = type;
  out.status = holds ? "True" : "False";
  out.reason = holds ? whenTrue : whenFalse;
  out.message = holds ? trueText : falseText;
  return out;
}

bool below(const std::map<std::string, std::string>& thresholds, const std::string& signal,
           int64_t available, int64_t total) {
  auto found = thresholds.find(signal);
  if (found == thresholds.end()) return false;
  auto bytes = thresholdBytes(found->second, total);
  return bytes.ok() && available < *bytes;
}

NodeCondition memoryPressure(const NodeInputs& inputs) {
  bool holds = inputs.memoryAvailable && below(inputs.options.evictionHard, "memory.available",
                                               *inputs.memoryAvailable, inputs.machine.memoryBytes);
  return condition("MemoryPressure", holds, "KubeletHasInsufficientMemory",
                   "kubelet has insufficient memory available", "KubeletHasSufficientMemory",
                   "kubelet has sufficient memory available");
}

NodeCondition diskPressure(const NodeInputs& inputs) {
  bool holds = false;
  if (inputs.nodeFs) {
    const auto& fs = *inputs.nodeFs;
    const auto& limits = inputs.options.evictionHard;
    holds = below(limits, "nodefs.available", static_cast<int64_t>(fs.bytesAvailable),
                  static_cast<int64_t>(fs.bytes)) ||
            below(limits, "nodefs.inodesFree", static_cast<int64_t>(fs.inodesFree),
                  static_cast<int64_t>(fs.inodes));
  }
  return condition("DiskPressure", holds, "KubeletHasDiskPressure", "kubelet has disk pressure",
                   "KubeletHasNoDiskPressure", "kubelet has no disk pressure");
}

NodeCondition ready(const NodeInputs& inputs) {
  NodeCondition out;
  out.type = "Ready";
  if (inputs.problems.empty()) {
    out.status = "True";
    out.reason = "KubeletReady";
    out.message = "kubelet is posting ready status";
    return out;
  }
  out.status = "False";
  out.reason = "KubeletNotReady";
  out.message = inputs.problems.size() == 1 ? inputs.problems.front()
                                            : fmt::format("[{}]", fmt::join(inputs.problems, ", "));
  return out;
}

void put(std::vector<NodeCondition>& conditions, NodeCondition fresh, api::Time now) {
  fresh.lastHeartbeatTime = now;
  fresh.lastTransitionTime = now;
  auto same = std::find_if(conditions.begin(), conditions.end(),
                           [&](const auto& c) { return c.type == fresh.type; });
  if (same == conditions.end()) {
    conditions.push_back(std::move(fresh));
    return;
  }
  if (same->status == fresh.status) fresh.lastTransitionTime = same->lastTransitionTime;
  *same = std::move(fresh);
}

std::vector<api::core::v1::ContainerImage> imagesOf(std::vector<cri::Image> images) {
  std::sort(images.begin(), images.end(),
            [](const auto& a, const auto& b) { return a.size > b.size; });
  if (images.size() > kImagesMax) images.resize(kImagesMax);
  std::vector<api::core::v1::ContainerImage> out;
  for (auto& image : images) {
    auto& item = out.emplace_back();
    item.names = image.repoDigests;
    item.names.insert(item.names.end(), image.repoTags.begin(), image.repoTags.end());
    if (item.names.size() > kImageNamesMax) item.names.resize(kImageNamesMax);
    item.sizeBytes = static_cast<int64_t>(image.size);
  }
  return out;
}

void addAddress(NodeStatus& status, const char* type, const std::string& address) {
  auto& item = status.addresses.emplace_back();
  item.type = type;
  item.address = address;
}

void describeHandlers(const NodeInputs& inputs, NodeStatus& status) {
  status.runtimeHandlers.clear();
  for (const auto& handler : inputs.handlers) {
    auto& item = status.runtimeHandlers.emplace_back();
    item.name = handler.name;
    auto& features = item.features.emplace();
    features.recursiveReadOnlyMounts =
        handler.features && handler.features->recursiveReadOnlyMounts;
    features.userNamespaces = handler.features && handler.features->userNamespaces;
  }
  if (!inputs.handlers.empty()) {
    status.features.getOrCreate().supplementalGroupsPolicy = inputs.supplementalGroupsPolicy;
  }
}

}  // namespace

Result<int64_t> thresholdBytes(std::string_view text, int64_t total) {
  if (text.ends_with('%')) {
    double share = 0;
    auto end = text.data() + text.size() - 1;
    auto [at, error] = std::from_chars(text.data(), end, share);
    if (error != std::errc() || at != end || share < 0 || share > 100) {
      return badRequest(fmt::format("\"{}\" is no percentage between 0% and 100%", text));
    }
    return static_cast<int64_t>(static_cast<double>(total) * share / 100);
  }
  TRY(auto quantity, Quantity::parse(text));
  return quantity.value();
}

api::ResourceList nodeCapacity(const NodeInputs& inputs) {
  api::ResourceList out;
  out["cpu"] = Quantity::fromInt(inputs.machine.cpus);
  out["memory"] = Quantity::fromInt(inputs.machine.memoryBytes, Quantity::Format::BinarySI);
  out["pods"] = Quantity::fromInt(inputs.options.maxPods);
  for (const auto& [name, bytes] : inputs.machine.hugePageBytes) {
    out[name] = Quantity::fromInt(bytes, Quantity::Format::BinarySI);
  }
  if (inputs.nodeFs) {
    out["ephemeral-storage"] =
        Quantity::fromInt(static_cast<int64_t>(inputs.nodeFs->bytes), Quantity::Format::BinarySI);
  }
  return out;
}

Result<api::ResourceList> nodeAllocatable(const api::ResourceList& capacity,
                                          const KubeletOptions& options) {
  api::ResourceList reserved = options.kubeReserved;
  api::addResources(reserved, options.systemReserved);
  for (auto [signal, name] : {std::pair("memory.available", "memory"),
                              std::pair("nodefs.available", "ephemeral-storage")}) {
    auto threshold = options.evictionHard.find(signal);
    const auto* total = capacity.get(name);
    if (threshold == options.evictionHard.end() || !total) continue;
    TRY(auto bytes, thresholdBytes(threshold->second, total->value()));
    api::ResourceList part;
    part[name] = Quantity::fromInt(bytes, Quantity::Format::BinarySI);
    api::addResources(reserved, part);
  }
  api::ResourceList out;
  for (const auto& [name, total] : capacity) {
    Quantity left = total;
    if (const auto* less = reserved.get(name)) left -= *less;
    if (name == "memory") {
      for (const auto& [other, size] : capacity) {
        if (api::isHugePages(other)) left -= size;
      }
    }
    if (left.sign() < 0) left = Quantity::fromInt(0, total.format());
    // Upstream counts bytes of storage plainly.
    if (name == "ephemeral-storage") left = Quantity::fromInt(left.value());
    out[name] = left;
  }
  return out;
}

api::Map<std::string> nodeLabels(const NodeInputs& inputs) {
  api::Map<std::string> out;
  out["kubernetes.io/hostname"] = inputs.options.nodeName;
  out["kubernetes.io/os"] = inputs.machine.operatingSystem;
  out["kubernetes.io/arch"] = inputs.machine.architecture;
  out["beta.kubernetes.io/os"] = inputs.machine.operatingSystem;
  out["beta.kubernetes.io/arch"] = inputs.machine.architecture;
  for (const auto& [key, value] : inputs.options.nodeLabels) out[key] = value;
  return out;
}

Node newNode(const NodeInputs& inputs) {
  Node node;
  node.metadata.name = inputs.options.nodeName;
  node.metadata.labels = nodeLabels(inputs);
  node.metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
  if (!inputs.options.nodeIps.empty()) {
    node.metadata.annotations["alpha.kubernetes.io/provided-node-ip"] =
        fmt::format("{}", fmt::join(inputs.options.nodeIps, ","));
  }
  node.spec.providerID = inputs.options.providerId;
  node.spec.taints = inputs.options.registerWithTaints;
  updateNodeStatus(inputs, node.status);
  return node;
}

void updateNodeStatus(const NodeInputs& inputs, NodeStatus& status) {
  auto capacity = nodeCapacity(inputs);
  // Other parts (device plugins) add resources of their own, which stay.
  for (const auto& [name, quantity] : capacity) status.capacity[name] = quantity;
  auto allocatable = nodeAllocatable(capacity, inputs.options);
  for (const auto& [name, quantity] : allocatable.valueOr(capacity)) {
    status.allocatable[name] = quantity;
  }
  status.addresses.clear();
  for (const auto& address : inputs.addresses) addAddress(status, "InternalIP", address);
  addAddress(status, "Hostname", inputs.options.nodeName);
  status.daemonEndpoints.kubeletEndpoint.Port = inputs.options.port;
  auto& info = status.nodeInfo;
  info.machineID = inputs.machine.machineId;
  info.systemUUID = inputs.machine.systemUuid;
  info.bootID = inputs.machine.bootId;
  info.kernelVersion = inputs.machine.kernelVersion;
  info.osImage = inputs.machine.osImage;
  info.containerRuntimeVersion = inputs.runtimeVersion;
  info.kubeletVersion = inputs.options.kubeletVersion;
  info.operatingSystem = inputs.machine.operatingSystem;
  info.architecture = inputs.machine.architecture;
  if (inputs.machine.swapBytes > 0) info.swap.getOrCreate().capacity = inputs.machine.swapBytes;
  status.images = imagesOf(inputs.images);
  describeHandlers(inputs, status);
  put(status.conditions, memoryPressure(inputs), inputs.now);
  put(status.conditions, diskPressure(inputs), inputs.now);
  // No pid.available threshold is set by default, and none can be set yet.
  put(status.conditions,
      condition("PIDPressure", false, "", "", "KubeletHasSufficientPID",
                "kubelet has sufficient PID available"),
      inputs.now);
  put(status.conditions, ready(inputs), inputs.now);
}

bool nodeStatusChanged(const NodeStatus& before, const NodeStatus& after) {
  NodeStatus a = before;
  NodeStatus b = after;
  for (auto* status : {&a, &b}) {
    for (auto& c : status->conditions) c.lastHeartbeatTime = api::Time();
  }
  return !(a == b);
}

}  // namespace coxswain::kubelet
