// Claims of devices: made from a template, taken by somebody who plays scheduler, given back when
// the pods end, gone with them.
#include "api/gen/resource_v1.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Pod;
using api::resource::v1::ResourceClaim;
using api::resource::v1::ResourceClaimTemplate;

namespace {

constexpr const char* kFinalizer = "resource.kubernetes.io/delete-protection";

Pod makeUser(const std::string& name) {
  auto pod = named<Pod>(name);
  auto& made = pod.spec.resourceClaims.emplace_back();
  made.name = "own";
  made.resourceClaimTemplateName = "t";
  auto& shared = pod.spec.resourceClaims.emplace_back();
  shared.name = "shared";
  shared.resourceClaimName = "shared";
  return pod;
}

/// The claim that the pod's status names; null: none, or one that is not there.
std::shared_ptr<const ResourceClaim> ownClaim(const World& world, const std::string& pod) {
  auto stored = world.server.peek<Pod>("default", pod);
  if (!stored || stored->status.resourceClaimStatuses.empty()) return nullptr;
  const auto& name = stored->status.resourceClaimStatuses[0].resourceClaimName;
  return name ? world.server.peek<ResourceClaim>("default", *name) : nullptr;
}

/// As the scheduler does it.
void take(World& world, const std::string& claim, const std::string& pod) {
  auto user = world.server.peek<Pod>("default", pod);
  world.server.change<ResourceClaim>("default", claim, [&](ResourceClaim& next) {
    if (!next.status.allocation) {
      next.metadata.finalizers = {kFinalizer};
      next.status.allocation.getOrCreate();
    }
    auto& who = next.status.reservedFor.emplace_back();
    who.resource = "pods";
    who.name = pod;
    who.uid = user->metadata.uid;
  });
}

void play(World& world) {
  auto made = named<ResourceClaimTemplate>("t");
  made.spec.spec.devices.requests.resize(1);
  made.spec.spec.devices.requests[0].name = "r";
  const bool late = world.draw(0, 1) == 1;
  if (!late) world.server.put(made);
  world.server.put(named<ResourceClaim>("shared"));
  world.server.put(makeUser("a"));
  world.server.put(makeUser("b"));
  if (late) {
    world.run(5s);
    world.server.put(made);
  }
  world.until("both have claims of their own",
              [&] { return ownClaim(world, "a") && ownClaim(world, "b"); });
  for (const char* pod : {"a", "b"}) {
    take(world, "shared", pod);
    auto own = ownClaim(world, pod);
    if (own) take(world, own->metadata.name, pod);
  }
  world.run(std::chrono::milliseconds(world.draw(0, 2000)));
  world.server.change<Pod>("default", "a", [](Pod& pod) { pod.status.phase = "Succeeded"; });
  world.until("only one uses what was shared", [&] {
    return world.server.peek<ResourceClaim>("default", "shared")->status.reservedFor.size() == 1;
  });
  world.until("its own claim is gone", [&] { return !ownClaim(world, "a"); });
  if (!ownClaim(world, "b") || !ownClaim(world, "b")->status.allocation) {
    world.fail("the other pod's claim was touched");
  }
  world.server.change<Pod>("default", "b", [](Pod& pod) { pod.status.phase = "Failed"; });
  world.until("the shared claim is free", [&] {
    return !world.server.peek<ResourceClaim>("default", "shared")->status.allocation;
  });
  remove<ResourceClaim>(world, "shared");
  world.until("no claims", [&] { return world.server.peekAll<ResourceClaim>().empty(); });
  // Their statuses name claims that are gone, by names that are different in each run.
  remove<Pod>(world, "a");
  remove<Pod>(world, "b");
}

void prepare(World& world) {
  (void)world;  // no nodes: the pods wait
}

}  // namespace

Scenario resourceClaims() {
  return {"resourceclaims", {"resourceclaim-controller"}, play, prepare};
}

}  // namespace coxswain::simulation
