#include "api/helpers/scheduling.h"

#include <algorithm>
#include <charconv>

#include "api/gen/core_v1.h"

namespace coxswain::api {

namespace {

using core::v1::NodeSelectorRequirement;
using core::v1::Taint;
using core::v1::Toleration;

bool parseInt(std::string_view text, int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

/// `value` null: the node has no such label.
bool matches(const NodeSelectorRequirement& requirement, const std::string* value) {
  const std::string_view op = requirement.operator_;
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), *value) !=
           requirement.values.end();
  };
  if (op == "In") return value != nullptr && listed();
  if (op == "NotIn") return value == nullptr || !listed();
  if (op == "Exists") return value != nullptr;
  if (op == "DoesNotExist") return value == nullptr;
  if (op != "Gt" && op != "Lt") return false;
  int64_t have = 0;
  int64_t bound = 0;
  if (value == nullptr || requirement.values.size() != 1 || !parseInt(*value, have) ||
      !parseInt(requirement.values.front(), bound))
    return false;
  return op == "Gt" ? have > bound : have < bound;
}

}  // namespace

bool tolerates(const Toleration& toleration, const Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  const std::string_view op = toleration.operator_;
  if (op.empty() || op == "Equal") return toleration.value == taint.value;
  if (op == "Exists") return true;
  int64_t have = 0;
  int64_t bound = 0;
  if ((op != "Gt" && op != "Lt") || !parseInt(taint.value, have) ||
      !parseInt(toleration.value, bound))
    return false;
  return op == "Gt" ? have > bound : have < bound;
}

bool tolerates(const std::vector<Toleration>& tolerations, const Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const Toleration& toleration) { return tolerates(toleration, taint); });
}

const Taint* findUntolerated(const std::vector<Taint>& taints,
                             const std::vector<Toleration>& tolerations,
                             const std::function<bool(const Taint&)>& counts) {
  for (const auto& taint : taints)
    if (counts(taint) && !tolerates(tolerations, taint)) return &taint;
  return nullptr;
}

const Taint* findUntoleratedForScheduling(const std::vector<Taint>& taints,
                                          const std::vector<Toleration>& tolerations) {
  for (const auto& taint : taints)
    if ((taint.effect == kTaintNoSchedule || taint.effect == kTaintNoExecute) &&
        !tolerates(tolerations, taint))
      return &taint;
  return nullptr;
}

std::optional<int64_t> secondsTolerated(const std::vector<Taint>& taints,
                                        const std::vector<Toleration>& tolerations) {
  // Every toleration of a taint that is there counts: the shortest time of all.
  std::optional<int64_t> shortest;
  for (const auto& taint : taints) {
    if (taint.effect != kTaintNoExecute) continue;
    bool any = false;
    for (const auto& toleration : tolerations) {
      if (!tolerates(toleration, taint)) continue;
      any = true;
      if (!toleration.tolerationSeconds) continue;
      const int64_t seconds = std::max<int64_t>(0, *toleration.tolerationSeconds);
      shortest = shortest ? std::min(*shortest, seconds) : seconds;
    }
    if (!any) return 0;
  }
  return shortest;
}

std::string taintString(const Taint& taint) {
  std::string out = taint.key;
  if (!taint.value.empty()) out.append("=").append(taint.value);
  if (!taint.effect.empty()) out.append(":").append(taint.effect);
  return out;
}

bool matchesTerm(const core::v1::NodeSelectorTerm& term, const Map<std::string>& labels,
                 std::string_view nodeName) {
  if (term.matchExpressions.empty() && term.matchFields.empty()) return false;
  for (const auto& requirement : term.matchExpressions)
    if (!matches(requirement, labels.get(requirement.key))) return false;
  if (term.matchFields.empty()) return true;
  const std::string name(nodeName);
  return std::all_of(term.matchFields.begin(), term.matchFields.end(),
                     [&](const NodeSelectorRequirement& requirement) {
                       // The one field there is; it takes In and NotIn with one value.
                       return requirement.key == "metadata.name" &&
                              requirement.values.size() == 1 &&
                              (requirement.operator_ == "In" || requirement.operator_ == "NotIn") &&
                              matches(requirement, &name);
                     });
}

bool matchesNodeSelector(const core::v1::NodeSelector& selector, const core::v1::Node& node) {
  return std::any_of(selector.nodeSelectorTerms.begin(), selector.nodeSelectorTerms.end(),
                     [&](const auto& term) {
                       return matchesTerm(term, node.metadata.labels, node.metadata.name);
                     });
}

bool matchesNodeAffinity(const core::v1::PodSpec& spec, const core::v1::Node& node) {
  for (const auto& [key, value] : spec.nodeSelector) {
    const std::string* label = node.metadata.labels.get(key);
    if (label == nullptr || *label != value) return false;
  }
  if (!spec.affinity || !spec.affinity->nodeAffinity) return true;
  const auto& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  return !required || matchesNodeSelector(*required, node);
}

int64_t preferredNodeScore(const core::v1::PodSpec& spec, const core::v1::Node& node) {
  if (!spec.affinity || !spec.affinity->nodeAffinity) return 0;
  int64_t score = 0;
  for (const auto& term :
       spec.affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution)
    if (term.weight != 0 && matchesTerm(term.preference, node.metadata.labels, node.metadata.name))
      score += term.weight;
  return score;
}

}  // namespace coxswain::api
