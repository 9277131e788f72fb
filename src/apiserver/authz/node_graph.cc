#include "apiserver/authz/node_graph.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::resource::v1::ResourceSlice;
using api::storage::v1::VolumeAttachment;

const Logger kLog("apiserver.authz");

constexpr size_t kBatch = 1024;

const ObjectHeader& headerOf(const storage::Entry& entry) {
  return static_cast<const ObjectHeader&>(*entry.header());
}

std::string_view nodeOf(const storage::Entry& entry) {
  return headerOf(entry).field("spec.nodeName");
}

uint64_t numberOf(ReferencedKind kind, std::string_view name) {
  return (std::hash<std::string_view>()(name) << 3U) ^ static_cast<uint64_t>(kind);
}

/// A pod of a node. Two names may have one number: what a number finds is looked at again.
struct PodUse {
  explicit PodUse(storage::EntryPtr of) : entry(std::move(of)) {}
  storage::EntryPtr entry;
  std::unique_ptr<uint64_t[]> numbers;  // NOLINT: a length beside it is all that is needed
  uint32_t count = 0;
  bool known = false;   ///< numbers are the entry's
  bool claims = false;  ///< it uses some
};

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

/// Shared with the watch's notify, which may come late. All but `changed` on the executor.
struct NodeGraph::State {
  State(Executor& owner, const GenericRegistry& served) : executor(owner), pods(served) {}

  Executor& executor;
  const GenericRegistry& pods;
  std::atomic<bool> changed{true};
  std::unique_ptr<ObjectWatch> watch;
  std::unordered_map<std::string, std::vector<PodUse>, Hash, std::equal_to<>> nodes;

  static void refresh(const std::shared_ptr<State>& state);
  bool follow(const std::shared_ptr<State>& self);
  void apply(const ObjectEvent& event);
  void put(storage::EntryPtr entry, std::string_view node);
  void remove(const storage::Entry& entry, std::string_view node);
  void learn(PodUse& use) const;
  std::vector<PodUse>* of(std::string_view node);
};

std::vector<PodUse>* NodeGraph::State::of(std::string_view node) {
  auto found = nodes.find(node);
  return found == nodes.end() ? nullptr : &found->second;
}

void NodeGraph::State::put(storage::EntryPtr entry, std::string_view node) {
  auto found = nodes.find(node);
  if (found == nodes.end()) found = nodes.emplace(std::string(node), std::vector<PodUse>()).first;
  for (auto& use : found->second) {
    if (use.entry->key() != entry->key()) continue;
    use.entry = std::move(entry);
    use.known = false;
    return;
  }
  found->second.emplace_back(std::move(entry));
}

void NodeGraph::State::remove(const storage::Entry& entry, std::string_view node) {
  auto found = nodes.find(node);
  if (found == nodes.end()) return;
  auto& uses = found->second;
  std::erase_if(uses, [&](const PodUse& use) { return use.entry->key() == entry.key(); });
  if (uses.empty()) nodes.erase(found);
}

void NodeGraph::State::apply(const ObjectEvent& event) {
  if (event.type == ObjectEvent::Type::Bookmark) return;
  const auto node = nodeOf(*event.entry);
  if (event.type == ObjectEvent::Type::Deleted) {
    if (!node.empty()) remove(*event.entry, node);
    return;
  }
  if (event.source && event.source->previous) {
    const auto before = nodeOf(*event.source->previous);
    if (!before.empty() && before != node) remove(*event.entry, before);
  }
  if (!node.empty()) put(event.entry, node);
}

bool NodeGraph::State::follow(const std::shared_ptr<State>& self) {
  if (!watch) {
    GenericRegistry::WatchRequest request;
    // Taken as it comes, whether anybody asks or not, so that the watch does not fall behind.
    request.notify = [weak = std::weak_ptr<State>(self)] {
      auto state = weak.lock();
      if (!state) return;
      state->changed.store(true);
      state->executor.post([weak] {
        if (auto held = weak.lock()) refresh(held);
      });
    };
    auto made = pods.watch(std::move(request));
    if (!made.ok()) {
      kLog.error("pods cannot be read: nodes reach nothing", {{"why", made.status()}});
      return false;
    }
    watch = std::move(*made);
  }
  while (true) {
    auto events = watch->take(kBatch);
    if (!events.ok()) return false;
    if (events->empty()) return true;
    for (const auto& event : *events) apply(event);
  }
}

void NodeGraph::State::refresh(const std::shared_ptr<State>& state) {
  if (!state->changed.exchange(false)) return;
  // A watch that fell behind is followed by a new one, once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (state->follow(state)) return;
    state->watch.reset();
    state->nodes.clear();
  }
  state->changed.store(true);
}

void NodeGraph::State::learn(PodUse& use) const {
  use.known = true;
  use.claims = false;
  use.count = 0;
  use.numbers.reset();
  auto object = pods.decode(use.entry);
  if (!object.ok()) return;
  std::vector<uint64_t> numbers;
  visitPodReferences(*object->as<Pod>(), [&](ReferencedKind kind, std::string_view name) {
    numbers.push_back(numberOf(kind, name));
    if (kind == ReferencedKind::PersistentVolumeClaim) use.claims = true;
    return false;
  });
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  use.count = static_cast<uint32_t>(numbers.size());
  use.numbers = std::make_unique<uint64_t[]>(numbers.size());  // NOLINT
  std::copy(numbers.begin(), numbers.end(), use.numbers.get());
}

NodeGraph::NodeGraph(Executor& executor, const Registries& registries)
    : registries_(registries), state_(std::make_shared<State>(executor, registries.pods)) {}
NodeGraph::~NodeGraph() = default;

bool NodeGraph::podOnNode(std::string_view node, std::string_view ns, std::string_view pod) const {
  auto object = registries_.pods.get(ns, pod);
  return object.ok() && object->as<Pod>()->spec.nodeName == node;
}

bool NodeGraph::referenced(std::string_view node, ReferencedKind kind, std::string_view ns,
                           std::string_view name) const {
  State::refresh(state_);
  auto* uses = state_->of(node);
  if (!uses) return false;
  const auto wanted = numberOf(kind, name);
  for (auto& use : *uses) {
    if (headerOf(*use.entry).ns != ns) continue;
    if (!use.known) state_->learn(use);
    const auto* end = use.numbers.get() + use.count;
    if (!std::binary_search<const uint64_t*>(use.numbers.get(), end, wanted)) continue;
    auto pod = registries_.pods.decode(use.entry);
    if (pod.ok() && podRefersTo(*pod->as<Pod>(), kind, name)) return true;
  }
  return kind == ReferencedKind::Secret && secretOfVolume(node, ns, name);
}

bool NodeGraph::secretOfVolume(std::string_view node, std::string_view ns,
                               std::string_view name) const {
  auto* uses = state_->of(node);
  if (!uses) return false;
  for (auto& use : *uses) {
    if (!use.known) state_->learn(use);
    if (!use.claims) continue;
    auto pod = registries_.pods.decode(use.entry);
    if (!pod.ok()) continue;
    const auto& podNs = pod->as<Pod>()->metadata.namespace_;
    const bool found =
        visitPodReferences(*pod->as<Pod>(), [&](ReferencedKind kind, std::string_view claimName) {
          if (kind != ReferencedKind::PersistentVolumeClaim) return false;
          auto claim = registries_.claims.get(podNs, claimName);
          if (!claim.ok()) return false;
          const auto& volumeName = claim->as<PersistentVolumeClaim>()->spec.volumeName;
          if (volumeName.empty()) return false;
          auto volume = registries_.volumes.get("", volumeName);
          if (!volume.ok()) return false;
          const auto& bound = volume->as<PersistentVolume>()->spec.claimRef;
          return bound && bound->namespace_ == podNs && bound->name == claimName &&
                 volumeHasSecret(*volume->as<PersistentVolume>(), ns, name);
        });
    if (found) return true;
  }
  return false;
}

bool NodeGraph::volumeUsed(std::string_view node, std::string_view volume) const {
  auto object = registries_.volumes.get("", volume);
  if (!object.ok()) return false;
  const auto& claim = object->as<PersistentVolume>()->spec.claimRef;
  return claim &&
         referenced(node, ReferencedKind::PersistentVolumeClaim, claim->namespace_, claim->name);
}

bool NodeGraph::attachmentOf(std::string_view node, std::string_view name) const {
  if (!registries_.attachments) return false;
  auto object = registries_.attachments->get("", name);
  return object.ok() && object->as<VolumeAttachment>()->spec.nodeName == node;
}

bool NodeGraph::sliceOf(std::string_view node, std::string_view name) const {
  if (!registries_.slices) return false;
  auto object = registries_.slices->get("", name);
  if (!object.ok()) return false;
  const auto& own = object->as<ResourceSlice>()->spec.nodeName;
  return own && *own == node;
}

}  // namespace coxswain::apiserver
