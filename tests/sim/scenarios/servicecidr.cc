// A ServiceCIDR stays while one of its addresses is taken.
#include "api/gen/networking_v1.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;

namespace {

class StaysWhileUsed final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (before && !after && before.is<ServiceCIDR>() &&
        !world.server.peekAll<IPAddress>().empty()) {
      world.fail("the range has gone before its address");
    }
  }
};

std::string ready(const World& world) {
  auto range = world.server.peek<ServiceCIDR>("", "r");
  if (!range || range->status.conditions.empty()) return "";
  return range->status.conditions[0].status;
}

void play(World& world) {
  world.watchFor<StaysWhileUsed>();
  auto range = named<ServiceCIDR>("r");
  range.spec.cidrs = {"10.0.0.0/24"};
  world.server.put(range);
  range.metadata.name = "stays";
  range.spec.cidrs = {"10.1.0.0/24"};
  world.server.put(range);
  world.until("ready", [&] { return ready(world) == "True"; });
  auto address = named<IPAddress>("10.0.0.9");
  address.metadata.labels["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  world.server.put(address);
  // The allocator's word is only taken when it is seen: a range is not deleted at once after.
  world.run(2min);
  (void)world.server.erase<ServiceCIDR>("", "r");
  world.until("is to go", [&] { return ready(world) == "False"; });
  world.run(1min);
  (void)world.server.erase<IPAddress>("", "10.0.0.9");
  world.until("gone", [&] { return !world.server.peek<ServiceCIDR>("", "r"); });
}

}  // namespace

Scenario serviceCidr() {
  return {"servicecidr", {"service-cidr-controller"}, play};
}

}  // namespace coxswain::simulation
