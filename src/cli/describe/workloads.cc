#include <algorithm>

#include "cli/describe/describe.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

std::string number(const json::value& object, std::initializer_list<std::string_view> path,
                   int64_t otherwise = 0) {
  return std::to_string(integerAt(object, path, otherwise));
}

/// "3 Running / 0 Waiting / 0 Succeeded / 0 Failed" of the pods a selector finds.
Task<std::string> podCounts(DescribeContext& context, const json::value& object) {
  ObjectListOptions options;
  auto selector = selectorText(at(object, {"spec", "selector"}));
  options.labelSelector = selector;
  auto pods = co_await context.list("pods.v1.", namespaceOf(object), options);
  const auto uid = textAt(object, {"metadata", "uid"});
  int counts[4] = {};
  for (const auto& pod : pods) {
    bool ours = false;
    for (const auto& owner : arrayAt(pod, {"metadata", "ownerReferences"})) {
      ours = ours || (boolAt(owner, {"controller"}) && textAt(owner, {"uid"}) == uid);
    }
    if (!ours) continue;
    auto phase = textAt(pod, {"status", "phase"});
    if (phase == "Running") ++counts[0];
    if (phase == "Pending") ++counts[1];
    if (phase == "Succeeded") ++counts[2];
    if (phase == "Failed") ++counts[3];
  }
  co_return std::to_string(counts[0]) + " Running / " + std::to_string(counts[1]) + " Waiting / " +
      std::to_string(counts[2]) + " Succeeded / " + std::to_string(counts[3]) + " Failed";
}

void conditionLines(const json::value& object, DescribeWriter& out) {
  const auto& conditions = arrayAt(object, {"status", "conditions"});
  if (conditions.empty()) return;
  out.line(0, "Conditions:\n  Type\tStatus\tReason");
  out.line(1, "----\t------\t------");
  for (const auto& condition : conditions) {
    out.line(1, textAt(condition, {"type"}) + " \t" + textAt(condition, {"status"}) + "\t" +
                    textAt(condition, {"reason"}));
  }
}

}  // namespace

Task<void> describeDeployment(DescribeContext& context, const json::value& object,
                              DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.field(0, "Namespace", namespaceOf(object));
  out.field(0, "CreationTimestamp", longTime(textAt(object, {"metadata", "creationTimestamp"})));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
  out.field(0, "Selector", selectorText(at(object, {"spec", "selector"})));
  out.field(0, "Replicas",
            number(object, {"spec", "replicas"}, 1) + " desired | " +
                number(object, {"status", "updatedReplicas"}) + " updated | " +
                number(object, {"status", "replicas"}) + " total | " +
                number(object, {"status", "availableReplicas"}) + " available | " +
                number(object, {"status", "unavailableReplicas"}) + " unavailable");
  out.field(0, "StrategyType", textAt(object, {"spec", "strategy", "type"}));
  out.field(0, "MinReadySeconds", number(object, {"spec", "minReadySeconds"}));
  if (const auto* rolling = at(object, {"spec", "strategy", "rollingUpdate"})) {
    const auto* unavailable = at(*rolling, {"maxUnavailable"});
    const auto* surge = at(*rolling, {"maxSurge"});
    out.field(0, "RollingUpdateStrategy",
              (unavailable ? plainText(*unavailable) : "0") + " max unavailable, " +
                  (surge ? plainText(*surge) : "0") + " max surge");
  }
  if (const auto* pods = at(object, {"spec", "template"})) podTemplateLines(*pods, out);
  conditionLines(object, out);

  ObjectListOptions options;
  options.labelSelector = selectorText(at(object, {"spec", "selector"}));
  auto sets = co_await context.list("replicasets.apps", namespaceOf(object), options);
  const auto uid = textAt(object, {"metadata", "uid"});
  const auto revision =
      textAt(object, {"metadata", "annotations", "deployment.kubernetes.io/revision"});
  std::vector<std::string> oldSets;
  std::string newSet;
  for (const auto& set : sets) {
    bool ours = false;
    for (const auto& owner : arrayAt(set, {"metadata", "ownerReferences"})) {
      ours = ours || textAt(owner, {"uid"}) == uid;
    }
    if (!ours) continue;
    auto text = nameOf(set) + " (" + number(set, {"status", "replicas"}) + "/" +
                number(set, {"spec", "replicas"}) + " replicas created)";
    const bool current =
        textAt(set, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == revision;
    if (current) {
      newSet = std::move(text);
    } else {
      oldSets.push_back(std::move(text));
    }
  }
  if (oldSets.empty() && newSet.empty()) co_return;
  out.field(0, "OldReplicaSets", noneIfEmpty(joined(oldSets, ", ")));
  out.field(0, "NewReplicaSet", noneIfEmpty(newSet));
}

Task<void> describeReplicaSet(DescribeContext& context, const json::value& object,
                              DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.field(0, "Namespace", namespaceOf(object));
  out.field(0, "Selector", selectorText(at(object, {"spec", "selector"})));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
  if (auto owner = controllerOf(object); !owner.empty()) out.field(0, "Controlled By", owner);
  out.field(0, "Replicas",
            number(object, {"status", "replicas"}) + " current / " +
                number(object, {"spec", "replicas"}, 1) + " desired");
  out.field(0, "Pods Status", co_await podCounts(context, object));
  if (const auto* pods = at(object, {"spec", "template"})) podTemplateLines(*pods, out);
  conditionLines(object, out);
}

/// DaemonSet and StatefulSet.
Task<void> describeWorkload(DescribeContext& context, const json::value& object,
                            DescribeWriter& out) {
  const bool daemon = at(object, {"spec", "updateStrategy"}) &&
                      !at(object, {"spec", "serviceName"}) && kindOf(object) == "DaemonSet";
  out.field(0, "Name", nameOf(object));
  if (daemon) {
    out.field(0, "Namespace", namespaceOf(object));
    out.field(0, "Selector", selectorText(at(object, {"spec", "selector"})));
    out.pairs("Node-Selector", stringsAt(object, {"spec", "template", "spec", "nodeSelector"}));
    out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
    out.annotations(object);
    out.field(0, "Desired Number of Nodes Scheduled",
              number(object, {"status", "desiredNumberScheduled"}));
    out.field(0, "Current Number of Nodes Scheduled",
              number(object, {"status", "currentNumberScheduled"}));
    out.field(0, "Number of Nodes Scheduled with Up-to-date Pods",
              number(object, {"status", "updatedNumberScheduled"}));
    out.field(0, "Number of Nodes Scheduled with Available Pods",
              number(object, {"status", "numberAvailable"}));
    out.field(0, "Number of Nodes Misscheduled", number(object, {"status", "numberMisscheduled"}));
  } else {
    out.field(0, "Namespace", namespaceOf(object));
    out.field(0, "CreationTimestamp", longTime(textAt(object, {"metadata", "creationTimestamp"})));
    out.field(0, "Selector", selectorText(at(object, {"spec", "selector"})));
    out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
    out.annotations(object);
    out.field(0, "Replicas",
              number(object, {"spec", "replicas"}, 1) + " desired | " +
                  number(object, {"status", "replicas"}) + " total");
    out.field(0, "Update Strategy", textAt(object, {"spec", "updateStrategy", "type"}));
    if (at(object, {"spec", "updateStrategy", "rollingUpdate", "partition"})) {
      out.field(1, "Partition",
                number(object, {"spec", "updateStrategy", "rollingUpdate", "partition"}));
    }
  }
  out.field(0, "Pods Status", co_await podCounts(context, object));
  if (const auto* pods = at(object, {"spec", "template"})) podTemplateLines(*pods, out);
  if (!daemon) {
    const auto& claims = arrayAt(object, {"spec", "volumeClaimTemplates"});
    out.line(0, claims.empty() ? "Volume Claims:\t<none>" : "Volume Claims:");
    for (const auto& claim : claims) {
      out.field(1, "Name", nameOf(claim));
      out.field(1, "StorageClass", textAt(claim, {"spec", "storageClassName"}));
      out.pairs("  Labels", stringsAt(claim, {"metadata", "labels"}));
      out.pairs("  Annotations", stringsAt(claim, {"metadata", "annotations"}), ": ");
      out.field(1, "Capacity", textAt(claim, {"spec", "resources", "requests", "storage"}));
      std::vector<std::string> modes;
      for (const auto& mode : arrayAt(claim, {"spec", "accessModes"})) {
        modes.push_back(plainText(mode));
      }
      out.field(1, "Access Modes", "[" + joined(modes, " ") + "]");
    }
  }
}

}  // namespace coxswain::cli
