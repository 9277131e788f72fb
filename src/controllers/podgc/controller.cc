#include "controllers/podgc/controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/disruption.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::podgc {

using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

const Logger kLog("podgc");

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "pod-garbage-collector-controller";
  o.workers = 0;
  return o;
}

}  // namespace

PodGarbageCollector::PodGarbageCollector(const Context& context, const Options& options)
    : Controller(context, controllerOptions()),
      options_(options),
      pods_(use<Pod>()),
      nodes_(use<Node>()) {}

Task<Result<Duration>> PodGarbageCollector::reconcile(std::string /*key*/,
                                                      std::stop_token /*stop*/) {
  co_return Duration(0);
}

Task<void> PodGarbageCollector::background(std::stop_token stop) {
  while (true) {
    Status slept = co_await sleepFor(options_.period, stop);
    if (!slept.ok()) break;
    co_await collect(stop);
  }
}

Task<void> PodGarbageCollector::collect(std::stop_token stop) {
  std::vector<PodPointer> ended;
  std::vector<PodPointer> unscheduled;
  std::vector<PodPointer> outOfService;
  std::vector<PodPointer> lost;
  pods_.forEach([&](const api::ConstObject& object) {
    const auto& pod = *object.as<Pod>();
    if (isUnscheduledTerminating(pod)) {
      unscheduled.push_back(object.sharedAs<Pod>());
      return;
    }
    if (api::isPodTerminal(pod)) ended.push_back(object.sharedAs<Pod>());
    if (pod.spec.nodeName.empty()) return;
    auto node = nodes_.get<Node>(pod.spec.nodeName);
    if (!node) {
      lost.push_back(object.sharedAs<Pod>());
    } else if (pod.metadata.deletionTimestamp && isOutOfService(*node)) {
      outOfService.push_back(object.sharedAs<Pod>());
    }
  });
  if (options_.terminatedPodThreshold > 0) {
    const auto threshold = static_cast<size_t>(options_.terminatedPodThreshold);
    for (auto& pod : beyondThreshold(std::move(ended), threshold)) {
      co_await removePod(std::move(pod), "", stop);
    }
  }
  for (auto& pod : outOfService) co_await removePod(std::move(pod), "", stop);
  co_await collectOrphaned(std::move(lost), stop);
  for (auto& pod : unscheduled) co_await removePod(std::move(pod), "", stop);
}

Task<void> PodGarbageCollector::collectOrphaned(std::vector<PodPointer> pods,
                                                std::stop_token stop) {
  std::set<std::string> names;
  for (const auto& pod : pods) names.insert(pod->spec.nodeName);
  std::erase_if(missing_, [&names](const auto& entry) { return !names.contains(entry.first); });
  std::set<std::string> gone;
  for (const auto& name : names) {
    auto [since, fresh] = missing_.try_emplace(name, executor().now());
    if (fresh || executor().now() - since->second < options_.quarantine) continue;
    auto live = co_await client::get<Node>(client(), "", name, stop);
    if (isNotFound(live.status())) gone.insert(name);
  }
  for (auto& pod : pods) {
    if (!gone.contains(pod->spec.nodeName)) continue;
    co_await removePod(std::move(pod), "PodGC: node no longer exists", stop);
  }
}

Task<void> PodGarbageCollector::removePod(PodPointer pod, std::string why, std::stop_token stop) {
  DisruptionReason reason;
  if (!why.empty()) reason.reason = "DeletionByPodGC";
  reason.message = why;
  reason.fail = true;
  Status status = co_await markDisrupted(client(), *pod, reason, now(), stop);
  if (status.ok()) {
    client::DeleteOptions options;
    options.gracePeriodSeconds = 0;
    options.uid = pod->metadata.uid;
    status = co_await client().remove(client::resourceOf<Pod>(), pod->metadata.namespace_,
                                      pod->metadata.name, std::move(options), stop);
  }
  if (!status.ok() && !isNotFound(status) && !isConflict(status) && !isCanceled(status)) {
    kLog.warn("cannot delete", {{"pod", api::objectKey(pod->metadata)}, {"error", status}});
  }
}

}  // namespace coxswain::controllers::podgc
