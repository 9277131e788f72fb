#include "controllers/framework/testing/harness.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/trim.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::testing {

using api::core::v1::Pod;

Harness::Harness(uint64_t seed)
    : executor(seed),
      client(executor, seed),
      random(seed + 1),
      informers(client, executor),
      context{client, informers, executor, random} {
  trimCaches(informers);
}

Harness::~Harness() {
  bool done = false;
  stop_.request_stop();
  spawn(executor, stopAll(*this, done));
  executor.runUntil([&done] { return done; }, 1h);
  executor.runUntilIdle(100'000);
}

Task<void> Harness::stopAll(Harness& self, bool& done) {
  for (auto& controller : self.controllers_) co_await controller->stop();
  co_await self.informers.stop();
  co_await self.gate_.close();
  done = true;
}

void Harness::start() {
  informers.start();
  for (auto& controller : controllers_) controller->start();
}

bool Harness::until(const std::function<bool()>& condition, Duration limit) {
  return executor.runUntil(condition, limit);
}

void makeReady(Pod& pod, WallTime now, bool ready) {
  pod.status.phase = "Running";
  api::core::v1::PodCondition condition;
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  condition.lastTransitionTime = api::Time(now);
  api::setPodCondition(pod.status, condition);
}

void Harness::playKubelet(std::vector<std::string> nodes, bool ready) {
  spawn(executor, kubelet(*this, gate_.enter(), std::move(nodes), ready, stop_.get_token()));
}

Task<void> Harness::kubelet(Harness& self, Gate::Pass pass, std::vector<std::string> nodes,
                            bool ready, std::stop_token stop) {
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  size_t next = 0;
  while (true) {
    for (const auto& pod : self.client.peekAll<Pod>()) {
      const auto& meta = pod->metadata;
      if (meta.deletionTimestamp) {
        if (meta.finalizers.empty()) (void)self.client.erase<Pod>(meta.namespace_, meta.name, now);
        continue;
      }
      if (api::isPodTerminal(*pod)) continue;
      const bool assign = pod->spec.nodeName.empty() && !nodes.empty();
      if (!assign && (pod->status.phase == "Running" || pod->spec.nodeName.empty())) continue;
      const std::string node = assign ? nodes[next++ % nodes.size()] : pod->spec.nodeName;
      const std::string ip = "10.0.0." + std::to_string(1 + next % 250);
      self.client.change<Pod>(meta.namespace_, meta.name, [&](Pod& p) {
        p.spec.nodeName = node;
        if (p.status.podIP.empty()) {
          p.status.podIP = ip;
          p.status.podIPs.resize(1);
          p.status.podIPs[0].ip = ip;
        }
        makeReady(p, self.wallNow(), ready);
      });
    }
    Status slept = co_await sleepFor(100ms, stop);
    if (!slept.ok()) break;
  }
}

std::vector<std::string> Harness::events() const {
  auto all = client.peekAll<api::core::v1::Event>();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::stoull(a->metadata.resourceVersion) < std::stoull(b->metadata.resourceVersion);
  });
  std::vector<std::string> texts;
  for (const auto& event : all) texts.push_back(event->reason + ": " + event->message);
  return texts;
}

bool Harness::hasEvent(const std::string& text) const {
  for (const auto& event : events()) {
    if (event.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace coxswain::controllers::testing
