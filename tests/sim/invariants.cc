#include "invariants.h"

#include <fmt/format.h>

#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "client/resources.h"

namespace coxswain::simulation {

using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

/// In thousandths.
int64_t cpuOf(const Pod& pod) {
  int64_t sum = 0;
  for (const auto& container : pod.spec.containers) {
    const auto* cpu = container.resources.requests.get("cpu");
    if (cpu != nullptr) sum += cpu->milliValue();
  }
  return sum;
}

bool isApp(const Pod& pod, const std::string& app) {
  const auto* label = pod.metadata.labels.get("app");
  return label != nullptr && *label == app;
}

}  // namespace

void NodesAreNotOversold::wrote(World& world, const client::ResourceType& /*type*/,
                                const api::ConstObject& before, const api::ConstObject& after) {
  const auto* pod = after ? after.as<Pod>() : nullptr;
  if (pod == nullptr || pod->spec.nodeName.empty()) return;
  const auto* old = before ? before.as<Pod>() : nullptr;
  if (old != nullptr && !old->spec.nodeName.empty()) {
    if (old->spec.nodeName != pod->spec.nodeName) {
      world.fail("pod " + pod->metadata.name + " was bound twice");
    }
    return;
  }
  auto node = world.server.peek<Node>("", pod->spec.nodeName);
  if (!node || cpuOf(*pod) == 0) return;
  int64_t sum = 0;
  for (const auto& each : world.server.peekAll<Pod>()) {
    if (each->spec.nodeName == pod->spec.nodeName && !api::isPodTerminal(*each))
      sum += cpuOf(*each);
  }
  const auto* room = node->status.allocatable.get("cpu");
  if (room != nullptr && sum > room->milliValue()) {
    world.fail(fmt::format("node {} has {}m of CPU, its pods ask for {}m", node->metadata.name,
                           room->milliValue(), sum));
  }
}

void PodsStayWhole::wrote(World& world, const client::ResourceType& /*type*/,
                          const api::ConstObject& before, const api::ConstObject& after) {
  const auto* old = before ? before.as<Pod>() : nullptr;
  const auto* pod = after ? after.as<Pod>() : nullptr;
  if (old == nullptr || pod == nullptr || old->metadata.uid != pod->metadata.uid) return;
  const bool lost = old->spec.containers != pod->spec.containers ||
                    old->spec.volumes != pod->spec.volumes ||
                    (!old->status.podIPs.empty() && pod->status.podIPs.empty()) ||
                    old->metadata.generateName != pod->metadata.generateName;
  if (lost) world.fail("a write took a part of pod " + pod->metadata.name);
}

void PodsAtMost::wrote(World& world, const client::ResourceType& /*type*/,
                       const api::ConstObject& before, const api::ConstObject& after) {
  if (before || !after || !after.is<Pod>()) return;
  size_t count = 0;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (isApp(*pod, app_) && api::isPodActive(*pod)) ++count;
  }
  const size_t most = most_ + (world.faults.doubts() ? slack_ : 0);
  if (count > most)
    world.fail(fmt::format("{} pods of {}, at most {} are wanted", count, app_, most));
}

void PodsReadyAtLeast::wrote(World& world, const client::ResourceType& /*type*/,
                             const api::ConstObject& before, const api::ConstObject& after) {
  if (*atLeast_ == 0 || !before || !before.is<Pod>()) return;
  // Only what takes a ready pod away can break it.
  const auto* pod = before.as<Pod>();
  if (!isApp(*pod, app_) || !api::isPodReady(*pod)) return;
  size_t count = 0;
  for (const auto& each : world.server.peekAll<Pod>()) {
    if (isApp(*each, app_) && api::isPodReady(*each) && !each->metadata.deletionTimestamp) ++count;
  }
  if (count < *atLeast_) {
    world.fail(fmt::format("{} pods of {} are ready, at least {} must be", count, app_, *atLeast_));
  }
}

void ActivePodsAreDistinct::wrote(World& world, const client::ResourceType& /*type*/,
                                  const api::ConstObject& before, const api::ConstObject& after) {
  if (before || !after || !after.is<Pod>() || world.faults.doubts()) return;
  std::set<std::string> seen;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (!api::isPodActive(*pod)) continue;
    auto key = keyOf_(*pod);
    if (!key.empty() && !seen.insert(key).second) {
      world.fail(fmt::format("two pods of one {}: {}", what_, key));
    }
  }
}

void addStandardInvariants(World& world) {
  world.watchFor<NodesAreNotOversold>();
  world.watchFor<PodsStayWhole>();
}

std::string leftovers(const client::testing::FakeClient& server) {
  std::set<std::string> uids;
  server.forEach([&uids](const std::string&, const api::ConstObject& object) {
    uids.insert(api::objectMeta(object)->uid);
  });
  std::string out;
  server.forEach([&](const std::string& collection, const api::ConstObject& object) {
    const auto& meta = *api::objectMeta(object);
    if (collection.ends_with("/events")) return;
    const std::string name = collection + " " + meta.namespace_ + "/" + meta.name;
    if (meta.deletionTimestamp) out += "\n  " + name + " is not gone";
    bool lives = meta.ownerReferences.empty();
    for (const auto& owner : meta.ownerReferences) lives = lives || uids.contains(owner.uid);
    if (!lives) out += "\n  " + name + " has no living owner";
  });
  return out;
}

}  // namespace coxswain::simulation
