// Finished Jobs go when their time to live is over, with their pods; others stay.
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::batch::v1::Job;

namespace {

void play(World& world) {
  auto soon = makeJob("soon", 2, 2);
  soon.spec.ttlSecondsAfterFinished = world.draw(0, 60);
  auto stays = makeJob("stays", 1, 1);
  world.server.put(soon);
  world.server.put(stays);
  world.until("one is gone, one has finished", [&] {
    auto other = world.server.peek<Job>("default", "stays");
    return !world.server.peek<Job>("default", "soon") && podCount(world, "soon") == 0 &&
           other->status.completionTime;
  });
  world.run(2min);
  if (!world.server.peek<Job>("default", "stays")) world.fail("what has no time to live is gone");
  // How many pods were made in vain, where answers were lost, is not compared.
  remove<Job>(world, "stays");
  world.until("all gone", [&] { return podCount(world, "stays") == 0; });
}

}  // namespace

Scenario ttlAfterFinished() {
  return {"ttlafterfinished",
          {"ttl-after-finished-controller", "job-controller", "garbage-collector-controller"},
          play,
          oneNodeWherePodsSucceed};
}

}  // namespace coxswain::simulation
