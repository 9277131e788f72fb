#include "kubelet/node/node_manager.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api/codec/value.h"
#include "api/helpers/pods.h"
#include "api/patch/strategic.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Node;
using api::core::v1::NodeStatus;

const Logger log("kubelet");
constexpr Duration kRegisterDelayMin = 100ms;
constexpr Duration kRegisterDelayMax = 7s;

/// Body of a patch; empty: nothing differs.
Result<std::string> nodePatch(const Node& before, const Node& after) {
  api::JsonEncodeOptions options;
  options.typeMeta = false;
  TRY(auto patch, api::createTwoWayStrategicPatch(api::encodeValue(Node::info(), &before, options),
                                                  api::encodeValue(Node::info(), &after, options),
                                                  Node::info()));
  if (patch.as_object().empty()) return std::string();
  return api::writeJsonValue(patch);
}

Task<Status> waitOrWake(Event& wake, Duration limit, std::stop_token stop) {
  Deadline deadline(limit, stop);
  Status woken = co_await wake.wait(deadline.token());
  if (stop.stop_requested()) co_return canceled();
  if (woken.ok()) wake.reset();
  co_return Status();
}

}  // namespace

NodeManager::NodeManager(Dependencies dependencies, const KubeletOptions& options)
    : deps_(std::move(dependencies)), options_(options) {}

NodeManager::~NodeManager() = default;

Task<Status> NodeManager::prepare(std::stop_token stop) {
  CO_TRY(auto machine, deps_.facts.machine());
  machine_ = std::move(machine);
  if (options_.nodeIps.empty()) {
    CO_TRY(auto found, deps_.facts.addresses());
    addresses_ = std::move(found);
  } else {
    addresses_ = options_.nodeIps;
  }
  auto fs = deps_.facts.fileSystem(options_.rootDir);
  if (fs.ok()) nodeFs_ = *fs;
  co_await askRuntime(stop);
  if (runtimeVersion_.empty()) {
    co_return serviceUnavailable(
        "the container runtime does not answer: " +
        (problems_.empty() ? std::string("no answer") : problems_.front()));
  }
  auto inputs = co_await gather(stop);
  CO_TRY(auto fits, nodeAllocatable(nodeCapacity(inputs), options_));
  node_ = newNode(inputs);
  co_return stop.stop_requested() ? canceled() : Status();
}

api::ResourceList NodeManager::capacity() const {
  return node_.status.capacity;
}
api::ResourceList NodeManager::allocatable() const {
  return node_.status.allocatable;
}

void NodeManager::start() {
  nodeEvent(client::kEventNormal, "Starting", "Starting kubelet.");
  spawn(deps_.executor, runStatus(*this, gate_.enter(), stop_.get_token()));
  spawn(deps_.executor, runLease(*this, gate_.enter(), stop_.get_token()));
}

Task<void> NodeManager::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> NodeManager::askRuntime(std::stop_token stop) {
  problems_.clear();
  if (runtimeVersion_.empty()) {
    auto version = co_await deps_.runtime.version(stop);
    if (version.ok()) {
      runtimeName_ = version->runtimeName;
      runtimeVersion_ = version->runtimeName + "://" + version->runtimeVersion;
    }
  }
  auto status = co_await deps_.runtime.status(false, stop);
  if (!status.ok()) {
    problems_.push_back("container runtime is down: " + status.status().message());
    co_return;
  }
  std::string network;
  if (status->status) {
    for (const auto& c : status->status->conditions) {
      if (c.status) continue;
      if (c.type == "RuntimeReady") {
        problems_.push_back(
            fmt::format("container runtime not ready: RuntimeReady=false reason:{} message:{}",
                        c.reason, c.message));
      } else if (c.type == "NetworkReady") {
        network = fmt::format(
            "container runtime network not ready: NetworkReady=false reason:{} message:{}",
            c.reason, c.message);
        problems_.push_back(network);
      }
    }
  }
  bool arrived = network.empty() && !networkProblem_.empty();
  networkProblem_ = std::move(network);
  handlers_ = std::move(status->runtimeHandlers);
  supplementalGroupsPolicy_ = status->features && status->features->supplementalGroupsPolicy;
  if (arrived && deps_.onNetworkReady) deps_.onNetworkReady();
}

Task<NodeInputs> NodeManager::gather(std::stop_token stop) {
  NodeInputs inputs{options_, machine_, addresses_, {}, {}, "", {}, {}, false, {}, {}};
  if (auto memory = deps_.facts.memoryAvailableBytes(); memory.ok()) {
    inputs.memoryAvailable = *memory;
  }
  if (auto fs = deps_.facts.fileSystem(options_.rootDir); fs.ok()) nodeFs_ = *fs;
  inputs.nodeFs = nodeFs_;
  inputs.runtimeVersion = runtimeVersion_;
  cri::ImageFilter all;
  auto images = co_await deps_.images.listImages(std::move(all), stop);
  if (images.ok()) inputs.images = std::move(*images);
  inputs.handlers = handlers_;
  inputs.supplementalGroupsPolicy = supplementalGroupsPolicy_;
  inputs.problems = problems_;
  inputs.now = api::Time(deps_.executor.wallNow());
  co_return inputs;
}

Task<void> NodeManager::runStatus(NodeManager& self, Gate::Pass pass, std::stop_token stop) {
  Duration delay = kRegisterDelayMin;
  while (self.options_.registerNode && !stop.stop_requested()) {
    Status done = co_await self.registerNode(stop);
    if (done.ok()) break;
    if (stop.stop_requested()) co_return;
    log.warn("registering the node failed", {{"node", self.options_.nodeName}, {"error", done}});
    Status slept = co_await sleepFor(delay, stop);
    if (!slept.ok()) co_return;
    delay = std::min(delay * 2, kRegisterDelayMax);
  }
  while (!stop.stop_requested()) {
    Status written = co_await self.writeStatus(stop);
    if (!written.ok() && !stop.stop_requested()) {
      log.warn("writing the node's status failed", {{"error", written}});
    }
    // Until it is ready, look more often.
    Duration pause = self.ready_ ? self.options_.nodeStatusUpdateFrequency
                                 : std::min<Duration>(self.options_.nodeStatusUpdateFrequency, 1s);
    Status waited = co_await waitOrWake(self.wake_, pause, stop);
    if (!waited.ok()) co_return;
    co_await self.askRuntime(stop);
  }
}

Task<void> NodeManager::refresh(std::stop_token stop) {
  auto answer = co_await client::get<Node>(deps_.client, "", options_.nodeName, std::move(stop));
  if (answer.ok()) node_ = **answer;
}

Task<Status> NodeManager::registerNode(std::stop_token stop) {
  co_await askRuntime(stop);
  auto inputs = co_await gather(stop);
  const auto& type = client::resourceOf<Node>();
  auto created = co_await deps_.client.create(type, "", "", "",
                                              api::ConstObject(api::Object(newNode(inputs))), stop);
  if (created.ok()) {
    node_ = *created->as<Node>();
    registered_ = true;
    reportedAt_ = deps_.executor.now();
    tell(NodeStatus(), node_.status);
    log.info("node is registered", {{"node", node_.metadata.name}});
    co_return Status();
  }
  if (!isAlreadyExists(created.status())) co_return created.status();
  CO_TRY(auto existing, co_await deps_.client.get(type, "", options_.nodeName, stop));
  co_return co_await reconcile(*existing.as<Node>(), inputs, stop);
}

/// The node was registered before: labels and annotations that are ours are set, others stay.
Task<Status> NodeManager::reconcile(Node existing, const NodeInputs& inputs, std::stop_token stop) {
  Node wanted = existing;
  Node fresh = newNode(inputs);
  for (const auto& [key, value] : fresh.metadata.labels) wanted.metadata.labels[key] = value;
  for (const auto& [key, value] : fresh.metadata.annotations) {
    wanted.metadata.annotations[key] = value;
  }
  CO_TRY(auto body, nodePatch(existing, wanted));
  if (!body.empty()) {
    const auto& type = client::resourceOf<Node>();
    CO_TRY(auto answer,
           co_await deps_.client.patch(type, "", options_.nodeName, "",
                                       client::PatchType::StrategicMerge, std::move(body), stop));
    existing = *answer.as<Node>();
  }
  node_ = std::move(existing);
  registered_ = true;
  log.info("node is known already", {{"node", node_.metadata.name}});
  co_return Status();
}

Task<Status> NodeManager::writeStatus(std::stop_token stop) {
  auto inputs = co_await gather(stop);
  Node base = node_;
  Node wanted = base;
  updateNodeStatus(inputs, wanted.status);
  if (deps_.volumesInUse) wanted.status.volumesInUse = deps_.volumesInUse();
  auto now = deps_.executor.now();
  bool due =
      reportedAt_ == MonotonicTime{} || now - reportedAt_ >= options_.nodeStatusReportFrequency;
  bool isReady = api::isNodeReady(wanted);
  if (!due && !nodeStatusChanged(base.status, wanted.status)) {
    ready_ = isReady;
    if (deps_.onVolumesReported) deps_.onVolumesReported(base.status.volumesInUse);
    co_return Status();
  }
  Node before;
  before.status = base.status;
  Node after;
  after.status = wanted.status;
  CO_TRY(auto body, nodePatch(before, after));
  if (!body.empty()) {
    const auto& type = client::resourceOf<Node>();
    auto answer =
        co_await deps_.client.patch(type, "", options_.nodeName, "status",
                                    client::PatchType::StrategicMerge, std::move(body), stop);
    // A node that somebody deleted comes back with the kubelet's next start alone, as upstream's.
    if (!answer.ok()) co_return answer.status();
    tell(base.status, wanted.status);
    node_ = *answer->as<Node>();
  }
  if (deps_.onVolumesReported) deps_.onVolumesReported(wanted.status.volumesInUse);
  reportedAt_ = now;
  ready_ = isReady;
  co_return Status();
}

void NodeManager::nodeEvent(std::string_view type, std::string_view reason, std::string message) {
  api::core::v1::ObjectReference reference;
  reference.kind = "Node";
  reference.name = options_.nodeName;
  reference.uid = options_.nodeName;  // as upstream does
  deps_.events.event(reference, type, reason, std::move(message));
}

/// Transitions of conditions become events.
void NodeManager::tell(const NodeStatus& before, const NodeStatus& after) {
  static constexpr struct {
    const char* type;
    const char* whenTrue;
    const char* whenFalse;
  } kTexts[] = {
      {"MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
      {"DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
      {"PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"},
      {"Ready", "NodeReady", "NodeNotReady"},
  };
  Node a;
  a.status = before;
  Node b;
  b.status = after;
  for (const auto& text : kTexts) {
    const auto* now = api::findNodeCondition(b, text.type);
    const auto* then = api::findNodeCondition(a, text.type);
    if (!now || (then && then->status == now->status)) continue;
    const char* reason = now->status == "True" ? text.whenTrue : text.whenFalse;
    nodeEvent(client::kEventNormal, reason,
              fmt::format("Node {} status is now: {}", options_.nodeName, reason));
  }
}

}  // namespace coxswain::kubelet
