// Two kube-controller-managers and two kube-schedulers as processes: one of each acts; the other
// takes over when it is killed, or stopped for so long that its lease is over; the one that finds
// its lease lost ends.
#include <gtest/gtest.h>
#include <signal.h>

#include "api/gen/apps_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"
#include "control_plane.h"
#include "runtime/spawn.h"

namespace coxswain::integration {
namespace {

using api::apps::v1::Deployment;
using api::coordination::v1::Lease;
using api::core::v1::Pod;

constexpr const char* kManager = "kube-controller-manager";
constexpr const char* kScheduler = "kube-scheduler";

class Leaders {
 public:
  explicit Leaders(ControlPlane& plane) : plane_(plane) {
    plane.informers().of<Lease>();
    plane.informers().of<Pod>();
    plane.informers().start();
  }
  std::string holder(const std::string& part) {
    auto lease = plane_.informers().of<Lease>().get<Lease>("kube-system/" + part);
    return lease ? lease->spec.holderIdentity.value_or("") : "";
  }
  size_t ready() {
    size_t count = 0;
    plane_.informers().of<Pod>().forEach([&count](const api::ConstObject& object) {
      const auto& pod = *object.as<Pod>();
      count += api::isPodReady(pod) && !pod.metadata.deletionTimestamp ? 1 : 0;
    });
    return count;
  }
  Task<Status> scale(int32_t replicas) {
    while (true) {
      auto now = co_await client::get<Deployment>(plane_.client(), "default", "web");
      if (!now.ok()) co_return now.status();
      Deployment next = **now;
      next.spec.replicas = replicas;
      auto written = co_await client::update(plane_.client(), std::move(next));
      if (!isConflict(written.status())) co_return written.status();
    }
  }

 private:
  ControlPlane& plane_;
};

#define CO_EXPECT(what, ...)                                                        \
  do {                                                                              \
    const bool held_ = co_await plane.until([&]() -> bool { return __VA_ARGS__; }); \
    if (!held_) co_return internalError(std::string("never: ") + (what));           \
  } while (false)

/// Long enough for a leader on a machine that has other things to do to renew it in time.
constexpr Duration kLease = 8s;

/// By the lease alone: from the last word of the one to the first of the other.
Status checkTakeover(ControlPlane& plane, const std::string& part, api::MicroTime last) {
  auto lease = plane.informers().of<Lease>().get<Lease>("kube-system/" + part);
  if (!lease->spec.acquireTime) return internalError("a lease without acquireTime");
  const auto took = lease->spec.acquireTime->wall() - last.wall();
  if (took < kLease) return internalError("two of " + part + " led at once");
  if (took > 10 * kLease) return internalError("the takeover of " + part + " took too long");
  return {};
}

Task<Status> play(ControlPlane& plane) {
  Leaders leaders(plane);
  CO_EXPECT("leaders", !leaders.holder(kManager).empty() && !leaders.holder(kScheduler).empty());
  for (const char* part : {kManager, kScheduler}) CO_TRY_STATUS(plane.startPart(part, 1));
  Deployment web;
  web.metadata.name = "web";
  web.metadata.namespace_ = "default";
  web.spec.replicas = 2;
  web.spec.selector.emplace().matchLabels["app"] = "web";
  web.spec.template_.metadata.labels["app"] = "web";
  auto& container = web.spec.template_.spec.containers.emplace_back();
  container.name = "main";
  container.image = "x:1";
  auto made = co_await client::create(plane.client(), std::move(web));
  if (!made.ok()) co_return made.status();
  CO_EXPECT("two are ready", leaders.ready() == 2);

  const auto manager = leaders.holder(kManager);
  auto renewed = [&plane](const char* part) {
    auto lease = plane.informers().of<Lease>().get<Lease>(std::string("kube-system/") + part);
    return lease->spec.renewTime.value_or(api::MicroTime());
  };
  auto last = renewed(kManager);
  CO_TRY_STATUS(plane.programs().find(kManager)->signal(SIGKILL));
  auto killed = co_await plane.programs().find(kManager)->wait({});
  if (!killed.ok()) co_return killed.status();
  plane.programs().forget(kManager);
  CO_TRY_STATUS(co_await leaders.scale(4));
  CO_EXPECT("another manager leads",
            !leaders.holder(kManager).empty() && leaders.holder(kManager) != manager);
  CO_TRY_STATUS(checkTakeover(plane, kManager, last));
  CO_EXPECT("four are ready", leaders.ready() == 4);

  const auto scheduler = leaders.holder(kScheduler);
  last = renewed(kScheduler);
  CO_TRY_STATUS(plane.programs().find(kScheduler)->signal(SIGSTOP));
  CO_TRY_STATUS(co_await leaders.scale(6));
  CO_EXPECT("another scheduler leads",
            !leaders.holder(kScheduler).empty() && leaders.holder(kScheduler) != scheduler);
  CO_TRY_STATUS(checkTakeover(plane, kScheduler, last));
  CO_EXPECT("six are ready", leaders.ready() == 6);
  // The one that slept finds that it leads no more, and ends.
  CO_TRY_STATUS(plane.programs().find(kScheduler)->signal(SIGCONT));
  Deadline patience(240s, {});
  auto ended = co_await plane.programs().find(kScheduler)->wait(patience.token());
  if (!ended.ok()) co_return ended.status().withContext("the deposed scheduler does not end");
  if (ended->ok()) co_return internalError("the deposed scheduler ends as if all were well");
  plane.programs().forget(kScheduler);
  CO_TRY_STATUS(co_await leaders.scale(3));
  CO_EXPECT("three are left", leaders.ready() == 3);
  co_return Status();
}

Task<Status> run(Reactor& reactor) {
  ControlPlane::Options options;
  options.hollowNodes = 2;
  options.flags = {"--leader-elect-lease-duration", "8s",   "--leader-elect-renew-deadline", "7s",
                   "--leader-elect-retry-period",   "500ms"};
  CO_TRY(auto plane, co_await ControlPlane::start(reactor, std::move(options)));
  Status outcome = co_await play(*plane);
  if (!outcome.ok()) plane->programs().printLogs();
  co_await plane->stop();
  co_return outcome;
}

TEST(Leaders, TheOtherTakesOver) {
  Reactor reactor;
  const Status outcome = blockOn(reactor, run(reactor));
  EXPECT_TRUE(outcome.ok()) << outcome.message();
}

}  // namespace
}  // namespace coxswain::integration
