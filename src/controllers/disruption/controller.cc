#include "controllers/disruption/controller.h"

#include <fmt/format.h>

#include <map>

#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::disruption {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;
using api::apps::v1::StatefulSet;
using api::core::v1::Pod;
using api::core::v1::ReplicationController;
using api::policy::v1::PodDisruptionBudget;

namespace {

Controller::Options options() {
  Controller::Options o;
  o.name = "controllermanager";
  o.workers = 1;
  return o;
}

/// As Go prints a LabelSelector.
std::string selectorText(const PodDisruptionBudget& budget) {
  if (!budget.spec.selector) return "nil";
  std::string text = "&LabelSelector{MatchLabels:map[string]string{";
  for (const auto& [key, value] : budget.spec.selector->matchLabels) {
    text += fmt::format("{}: {},", key, value);
  }
  text += "},MatchExpressions:[]LabelSelectorRequirement{";
  for (const auto& wanted : budget.spec.selector->matchExpressions) {
    text += fmt::format("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},", wanted.key,
                        wanted.operator_, fmt::join(wanted.values, " "));
  }
  return text + "},}";
}

/// Of a kind that is none of those with a size.
Status noScale(const api::meta::v1::OwnerReference& owner) {
  const auto slash = owner.apiVersion.find('/');
  const bool core = slash == std::string::npos;
  const auto group = core ? "" : owner.apiVersion.substr(0, slash);
  const auto version = core ? owner.apiVersion : owner.apiVersion.substr(slash + 1);
  const auto* type = client::findResource(group, version, owner.kind);
  if (type == nullptr) {
    return badRequest(
        fmt::format("no matches for kind \"{}\" in version \"{}\"", owner.kind, owner.apiVersion));
  }
  return badRequest(client::qualifiedName(*type) + " does not implement the scale subresource");
}

}  // namespace

DisruptionController::DisruptionController(const Context& context)
    : Controller(context, options()),
      budgets_(use<PodDisruptionBudget>()),
      pods_(use<Pod>()),
      replicaSets_(use<ReplicaSet>()),
      deployments_(use<Deployment>()),
      statefulSets_(use<StatefulSet>()),
      replicationControllers_(use<ReplicationController>()) {
  addNamespaceIndex(budgets_);
  addNamespaceIndex(pods_);
  budgets_.addHandler([this](const client::Change& change) { onBudget(change); });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
  for (auto* owners : {&replicaSets_, &deployments_, &statefulSets_, &replicationControllers_}) {
    owners->addHandler([this](const client::Change& change) {
      const auto* before = change.before ? api::objectMeta(change.before) : nullptr;
      const auto* after = change.after ? api::objectMeta(change.after) : nullptr;
      // Sizes are part of the spec.
      if (before && after && before->generation == after->generation) return;
      enqueueBudgetsOf((after ? after : before)->namespace_);
    });
  }
}

void DisruptionController::enqueueBudgetsOf(const std::string& ns) {
  for (const auto& budget : budgets_.byIndex(kByNamespace, ns)) {
    queue().add("b|" + client::objectKey(budget));
  }
}

void DisruptionController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  if (after != nullptr && disruptionLeft(*after, now())) {
    queue().add("p|" + client::objectKey(change.after));
  }
  const bool same = before != nullptr && after != nullptr &&
                    api::isPodReady(*before) == api::isPodReady(*after) &&
                    before->metadata.labels == after->metadata.labels &&
                    before->metadata.ownerReferences == after->metadata.ownerReferences &&
                    before->metadata.deletionTimestamp == after->metadata.deletionTimestamp;
  if (same) return;
  const bool labels =
      before != nullptr && after != nullptr && before->metadata.labels == after->metadata.labels;
  if (before != nullptr && !labels) {
    for (const auto& name : budgetsFor(*before)) {
      queue().add("b|" + before->metadata.namespace_ + "/" + name);
    }
  }
  if (after == nullptr) return;
  const auto names = budgetsFor(*after);
  const auto& meta = after->metadata;
  for (const auto& name : names) queue().add("b|" + meta.namespace_ + "/" + name);
  if (names.size() > 1) {
    events().event(*after, client::kEventWarning, "MultiplePodDisruptionBudgets",
                   fmt::format("Pod \"{}\"/\"{}\" matches multiple PodDisruptionBudgets.  Chose "
                               "\"{}\" arbitrarily.",
                               meta.namespace_, meta.name, names.front()));
  }
}

void DisruptionController::onBudget(const client::Change& change) {
  const auto key = client::objectKey(change.after ? change.after : change.before);
  selectors_.erase(key);
  if (!change.after) return;
  auto selector =
      api::LabelSelector::from(change.after.as<PodDisruptionBudget>()->spec.selector.get());
  if (selector.ok()) selectors_.emplace(key, std::move(*selector));
  queue().add("b|" + key);
}

std::vector<std::string> DisruptionController::budgetsFor(const Pod& pod) const {
  std::vector<std::string> names;
  const auto prefix = pod.metadata.namespace_ + "/";
  for (auto at = selectors_.lower_bound(prefix);
       at != selectors_.end() && at->first.starts_with(prefix); ++at) {
    if (at->second.matches(pod.metadata.labels)) names.push_back(at->first.substr(prefix.size()));
  }
  return names;
}

std::vector<PodPointer> DisruptionController::podsOf(const PodDisruptionBudget& budget) const {
  std::vector<PodPointer> found;
  auto selector = api::LabelSelector::from(budget.spec.selector.get());
  if (!selector.ok()) return found;
  for (const auto& object : pods_.byIndex(kByNamespace, budget.metadata.namespace_)) {
    auto pod = object.sharedAs<Pod>();
    if (selector->matches(pod->metadata.labels)) found.push_back(std::move(pod));
  }
  return found;
}

Result<std::optional<DisruptionController::Owner>> DisruptionController::ownerOf(
    const Pod& pod) const {
  const auto* reference = api::controllerOf(pod.metadata);
  const auto key = pod.metadata.namespace_ + "/" + reference->name;
  auto as = [&](const auto& found) -> std::optional<Owner> {
    if (!found || found->metadata.uid != reference->uid) return std::nullopt;
    return Owner{reference->uid, found->spec.replicas.value_or(1)};
  };
  if (reference->kind == "StatefulSet") return as(statefulSets_.get<StatefulSet>(key));
  if (reference->kind == "ReplicationController") {
    return as(replicationControllers_.get<ReplicationController>(key));
  }
  if (reference->kind != "ReplicaSet") return noScale(*reference);
  auto set = replicaSets_.get<ReplicaSet>(key);
  auto own = as(set);
  const auto* above = own ? api::controllerOf(set->metadata) : nullptr;
  if (above == nullptr || above->kind != "Deployment") return own;
  auto deployment = deployments_.get<Deployment>(pod.metadata.namespace_ + "/" + above->name);
  if (!deployment || deployment->metadata.uid != above->uid) return own;
  return Owner{above->uid, deployment->spec.replicas.value_or(1)};
}

Result<int32_t> DisruptionController::scaleOf(const std::vector<PodPointer>& pods,
                                              std::vector<std::string>& unmanaged) const {
  std::map<std::string, int32_t> owners;
  for (const auto& pod : pods) {
    if (api::controllerOf(pod->metadata) == nullptr) {
      unmanaged.push_back(pod->metadata.name);
      continue;
    }
    TRY(auto owner, ownerOf(*pod));
    if (!owner) {
      return badRequest(fmt::format("found no controllers for pod \"{}\"", pod->metadata.name));
    }
    owners[owner->uid] = owner->replicas;
  }
  int32_t sum = 0;
  for (const auto& [uid, replicas] : owners) sum += replicas;
  return sum;
}

Task<Result<Duration>> DisruptionController::reconcile(std::string key, std::stop_token stop) {
  if (key.starts_with("p|")) {
    auto pod = pods_.get<Pod>(key.substr(2));
    if (!pod) co_return Duration(0);
    co_return co_await syncPod(pod, stop);
  }
  auto budget = budgets_.get<PodDisruptionBudget>(key.substr(2));
  if (!budget || budget->metadata.deletionTimestamp) co_return Duration(0);
  co_return co_await syncBudget(budget, stop);
}

Task<Result<Duration>> DisruptionController::syncBudget(BudgetPointer budget,
                                                        std::stop_token stop) {
  const auto pods = podsOf(*budget);
  if (pods.empty()) {
    events().event(*budget, client::kEventNormal, "NoPods", "No matching pods found");
  }
  std::vector<std::string> unmanaged;
  Result<int32_t> scale = 0;
  if (needsScale(*budget)) scale = scaleOf(pods, unmanaged);
  if (!unmanaged.empty()) {
    events().event(
        *budget, client::kEventWarning, "UnmanagedPods",
        fmt::format("Pods selected by this PodDisruptionBudget (selector: {}) were found "
                    "to be unmanaged. As a result, the status of the PDB cannot be "
                    "calculated correctly, which may result in undefined behavior. To "
                    "account for these pods please set \".spec.minAvailable\" field of "
                    "the PDB to an integer value.",
                    selectorText(*budget)));
  }
  Result<Expectation> expectation = scale.status().ok() ? expected(*budget, pods.size(), *scale)
                                                        : Result<Expectation>(scale.status());
  Counted counted;
  if (expectation.ok()) {
    counted = count(*budget, pods, *expectation, now());
  } else {
    const auto why = expectation.status().message();
    events().event(*budget, client::kEventWarning, "CalculateExpectedPodCountFailed",
                   "Failed to calculate the number of expected pods: " + why);
    counted.status = failed(*budget, why, now());
  }
  for (const auto& pod : counted.overdue) {
    events().event(*pod, client::kEventWarning, "NotDeleted",
                   fmt::format("Pod was expected by PDB {}/{} to be deleted but it wasn't",
                               budget->metadata.namespace_, budget->metadata.name));
  }
  if (api::semanticEqual(counted.status, budget->status)) co_return counted.again;
  PodDisruptionBudget next = *budget;
  next.status = std::move(counted.status);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  if (!written.ok() && !isNotFound(written.status())) co_return written.status();
  co_return counted.again;
}

Task<Result<Duration>> DisruptionController::syncPod(PodPointer pod, std::stop_token stop) {
  const auto left = disruptionLeft(*pod, now());
  if (!left) co_return Duration(0);
  if (*left > Duration(0)) co_return *left;
  Status written = co_await denyPodCondition(client(), pod, "DisruptionTarget", now(), stop);
  if (!written.ok() && !isNotFound(written)) co_return written;
  co_return Duration(0);
}

}  // namespace coxswain::controllers::disruption
