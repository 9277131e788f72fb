#include "controllers/nodelifecycle/taints.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/scheduling.h"

namespace coxswain::controllers::nodelifecycle {

using api::core::v1::Node;
using api::core::v1::Taint;

namespace {

struct Rule {
  std::string_view condition;
  std::string_view status;
  std::string_view key;
};

constexpr std::array<Rule, 6> kRules{{
    {"Ready", "False", kNotReady},
    {"Ready", "Unknown", kUnreachable},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
}};
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";

/// `owned` keys of this effect become exactly `wanted`.
std::optional<Taints> replaced(const Taints& taints, std::string_view effect,
                               const std::set<std::string_view>& owned,
                               std::set<std::string_view> wanted, WallTime now) {
  Taints next;
  bool changed = false;
  for (const auto& taint : taints) {
    if (taint.effect != effect || !owned.contains(taint.key)) {
      next.push_back(taint);
    } else if (wanted.erase(taint.key) > 0) {
      next.push_back(taint);
    } else {
      changed = true;
    }
  }
  for (auto key : wanted) {
    Taint taint;
    taint.key = key;
    taint.effect = effect;
    taint.timeAdded = api::Time(now);
    next.push_back(std::move(taint));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return next;
}

}  // namespace

std::optional<Taints> noScheduleTaints(const Node& node, WallTime now) {
  std::set<std::string_view> owned{kUnschedulable};
  std::set<std::string_view> wanted;
  for (const auto& rule : kRules) {
    owned.insert(rule.key);
    const auto* condition = api::findNodeCondition(node, rule.condition);
    if (condition != nullptr && condition->status == rule.status) wanted.insert(rule.key);
  }
  if (node.spec.unschedulable) wanted.insert(kUnschedulable);
  // A node that never told of itself keeps what admission gave it.
  if (api::findNodeCondition(node, "Ready") == nullptr) owned.erase(kNotReady);
  return replaced(node.spec.taints, api::kTaintNoSchedule, owned, std::move(wanted), now);
}

std::optional<Taints> noExecuteTaints(const Node& node, bool reachable, WallTime now) {
  std::set<std::string_view> wanted;
  const auto* ready = api::findNodeCondition(node, "Ready");
  if (ready != nullptr && !reachable) {
    if (ready->status == "False") wanted.insert(kNotReady);
    if (ready->status == "Unknown") wanted.insert(kUnreachable);
  }
  return replaced(node.spec.taints, api::kTaintNoExecute, {kNotReady, kUnreachable},
                  std::move(wanted), now);
}

bool hasNoExecuteTaint(const Node& node) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(), [](const Taint& taint) {
    return taint.effect == api::kTaintNoExecute &&
           (taint.key == kNotReady || taint.key == kUnreachable);
  });
}

std::string labelsPatch(const Node& node) {
  const auto& labels = node.metadata.labels;
  std::string members;
  for (std::string_view what : {"os", "arch"}) {
    const auto* value = labels.get("kubernetes.io/" + std::string(what));
    const auto beta = "beta.kubernetes.io/" + std::string(what);
    const auto* old = labels.get(beta);
    if (value == nullptr || (old != nullptr && *old == *value)) continue;
    // Label values need no escapes.
    members += (members.empty() ? "\"" : ",\"") + beta + "\":\"" + *value + "\"";
  }
  if (members.empty()) return "";
  return "{\"metadata\":{\"labels\":{" + members + "}}}";
}

}  // namespace coxswain::controllers::nodelifecycle
