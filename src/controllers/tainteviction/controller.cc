#include "controllers/tainteviction/controller.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/scheduling.h"
#include "client/resources.h"
#include "controllers/framework/disruption.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/trim.h"

namespace coxswain::controllers::tainteviction {

using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Taint;

namespace {

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "taint-eviction-controller";
  o.workers = workers;
  return o;
}

std::vector<Taint> noExecute(const Node& node) {
  std::vector<Taint> taints;
  for (const auto& taint : node.spec.taints) {
    if (taint.effect == api::kTaintNoExecute) taints.push_back(taint);
  }
  return taints;
}

}  // namespace

std::optional<Eviction> decideEviction(const Pod& pod, const Node& node,
                                       const std::optional<Eviction>& before, MonotonicTime now) {
  const auto taints = noExecute(node);
  if (taints.empty() || pod.metadata.deletionTimestamp) return std::nullopt;
  const auto seconds = api::secondsTolerated(taints, tolerationsOf(pod));
  if (!seconds) return std::nullopt;
  const bool known = before && before->uid == pod.metadata.uid;
  Eviction eviction;
  eviction.uid = pod.metadata.uid;
  eviction.since = known ? before->since : now;
  // A century is for ever.
  constexpr int64_t kSecondsMax = 100LL * 366 * 86400;
  const auto stay = std::chrono::seconds(std::clamp<int64_t>(*seconds, 0, kSecondsMax));
  eviction.at = eviction.since + stay;
  return eviction;
}

TaintEvictionController::TaintEvictionController(const Context& context, int workers)
    : Controller(context, options(workers)), nodes_(use<Node>()), pods_(use<Pod>()) {
  addNodeIndex(pods_);
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void TaintEvictionController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
  const auto old = before == nullptr ? std::vector<Taint>() : noExecute(*before);
  const auto now = after == nullptr ? std::vector<Taint>() : noExecute(*after);
  if (old == now) return;
  const auto& name = (after != nullptr ? after : before)->metadata.name;
  for (const auto& pod : pods_.byIndex(kByNode, name)) queue().add(client::objectKey(pod));
}

void TaintEvictionController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const auto key = client::objectKey(change.after ? change.after : change.before);
  if (after == nullptr) {
    evictions_.erase(key);
    return;
  }
  if (after->spec.nodeName.empty()) return;
  const bool same = before != nullptr && before->spec.nodeName == after->spec.nodeName &&
                    before->spec.tolerations == after->spec.tolerations &&
                    before->metadata.uid == after->metadata.uid &&
                    before->metadata.deletionTimestamp == after->metadata.deletionTimestamp;
  if (!same) queue().add(key);
}

Task<Result<Duration>> TaintEvictionController::reconcile(std::string key, std::stop_token stop) {
  auto pod = pods_.get<Pod>(key);
  auto node = pod ? nodes_.get<Node>(pod->spec.nodeName) : nullptr;
  auto known = evictions_.find(key);
  std::optional<Eviction> before;
  if (known != evictions_.end()) before = known->second;
  std::optional<Eviction> next;
  if (pod && node) next = decideEviction(*pod, *node, before, executor().now());
  if (!next) {
    if (pod && before && before->uid == pod->metadata.uid && !pod->metadata.deletionTimestamp) {
      events().event(*pod, client::kEventNormal, "TaintManagerEviction",
                     "Cancelling deletion of Pod " + key);
    }
    evictions_.erase(key);
    co_return Duration(0);
  }
  evictions_[key] = *next;
  const Duration left = next->at - executor().now();
  if (left > Duration(0)) co_return left;
  events().event(*pod, client::kEventNormal, "TaintManagerEviction",
                 "Marking for deletion Pod " + key);
  CO_TRY_STATUS(co_await evict(pod, stop));
  evictions_.erase(key);
  co_return Duration(0);
}

Task<Status> TaintEvictionController::evict(std::shared_ptr<const Pod> pod, std::stop_token stop) {
  DisruptionReason why;
  why.reason = "DeletionByTaintManager";
  why.message = "Taint manager: deleting due to NoExecute taint";
  Status marked = co_await markDisrupted(client(), *pod, why, now(), stop);
  if (isNotFound(marked)) co_return Status();
  CO_TRY_STATUS(std::move(marked));
  client::DeleteOptions options;
  options.uid = pod->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<Pod>(), pod->metadata.namespace_,
                                            pod->metadata.name, std::move(options), stop);
  co_return isNotFound(removed) || isConflict(removed) ? Status() : removed;
}

}  // namespace coxswain::controllers::tainteviction
