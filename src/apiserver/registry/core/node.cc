#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Node;
using api::core::v1::Taint;

namespace {

void tellDuplicateTaint(const Taint& taint, const FieldPath& path, FieldErrors& errors) {
  std::string shown = "{\"Key\":";
  api::appendJsonQuoted(shown, taint.key);
  shown += ",\"Value\":";
  api::appendJsonQuoted(shown, taint.value);
  shown += ",\"Effect\":";
  api::appendJsonQuoted(shown, taint.effect);
  shown += ",\"TimeAdded\":";
  if (taint.timeAdded) {
    api::appendJsonQuoted(shown, taint.timeAdded->str());
  } else {
    shown += "null";
  }
  errors.add({"FieldValueDuplicate",
              "Duplicate value: " + shown + "}: taints must be unique by key and effect pair",
              path.str()});
}

void checkTaints(const std::vector<Taint>& taints, const FieldPath& path, FieldErrors& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < taints.size(); ++i) {
    const auto& taint = taints[i];
    const auto at = path.index(i);
    checkQualifiedName(taint.key, at.child("key"), errors);
    checkTaintValue(taint.value, at.child("value"), errors);
    checkOneOf(taint.effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}, at.child("effect"),
               errors);
    if (!seen.emplace(taint.effect, taint.key).second) tellDuplicateTaint(taint, at, errors);
  }
}

void checkResources(const Node& node, FieldErrors& errors) {
  const FieldPath status("status");
  for (const auto& [name, quantity] : node.status.capacity) {
    validateResourceQuantity(name, quantity, status.child("capacity").child(name), errors);
  }
  for (const auto& [name, quantity] : node.status.allocatable) {
    validateResourceQuantity(name, quantity, status.child("allocatable").child(name), errors);
  }
}

void checkPodCidrs(const Node& node, FieldErrors& errors) {
  const auto& cidrs = node.spec.podCIDRs;
  const auto path = FieldPath("spec").child("podCIDRs");
  for (size_t i = 0; i < cidrs.size(); ++i) {
    errors.invalidEach(path.index(i), cidrs[i], api::validateCidrForLegacyField(cidrs[i]));
  }
  if (cidrs.size() < 2) return;
  const auto first = api::parseCidr(cidrs[0]);
  const auto second = api::parseCidr(cidrs[1]);
  const bool dual = first && second && first->address.v6 != second->address.v6;
  if (cidrs.size() > 2 || !dual) {
    errors.invalid(path, cidrs, "may specify no more than one CIDR for each IP family");
  }
}

/// They may come once. Each that changed is told of.
void checkPodCidrsKept(const std::vector<std::string>& next,
                       const std::vector<std::string>& current, const FieldPath& path,
                       FieldErrors& errors) {
  constexpr std::string_view kText =
      "node updates may not change podCIDR except from \"\" to valid";
  if (current.empty()) return;
  if (next.size() != current.size()) return errors.forbidden(path, kText);
  for (size_t i = 0; i < next.size(); ++i) {
    if (next[i] != current[i]) errors.forbidden(path, kText);
  }
}

void checkAddresses(const Node& node, FieldErrors& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  const auto path = FieldPath("status").child("addresses");
  for (size_t i = 0; i < node.status.addresses.size(); ++i) {
    const auto& address = node.status.addresses[i];
    if (seen.emplace(address.type, address.address).second) continue;
    std::string shown = "{\"Type\":";
    api::appendJsonQuoted(shown, address.type);
    shown += ",\"Address\":";
    api::appendJsonQuoted(shown, address.address);
    errors.duplicate(path.index(i), api::FieldValue::json(shown + "}"));
  }
}

/// Names in order, each once.
void checkDeclaredFeatures(const Node& node, FieldErrors& errors) {
  const auto path = FieldPath("status").child("declaredFeatures");
  const auto& features = node.status.declaredFeatures;
  for (size_t i = 1; i < features.size(); ++i) {
    if (features[i] == features[i - 1]) {
      errors.duplicate(path.index(i), features[i]);
    } else if (features[i] < features[i - 1]) {
      errors.invalid(path.index(i), features[i], "must be sorted");
    }
  }
}

class NodeStrategy final : public TypedStrategy<Node> {
 public:
  NodeStrategy() : TypedStrategy(StrategyTraits{.fieldSelectors = {"spec.unschedulable"}}) {}

 protected:
  // A kubelet registers its node with a status.
  [[nodiscard]] bool resetsStatus() const override { return false; }
  void defaults(Node& node) const override {
    roundResources(node.status.capacity);
    roundResources(node.status.allocatable);
    if (node.status.allocatable.empty()) node.status.allocatable = node.status.capacity;
    auto& spec = node.spec;
    if (!spec.podCIDR.empty() && (spec.podCIDRs.empty() || spec.podCIDRs[0] != spec.podCIDR)) {
      spec.podCIDRs = {spec.podCIDR};
    }
    if (spec.podCIDR.empty() && !spec.podCIDRs.empty()) spec.podCIDR = spec.podCIDRs[0];
  }
  void beforeCreate(Node& node) const override { node.spec.configSource.reset(); }
  void warn(const Node& next, const Node*, std::vector<std::string>& out) const override {
    if (next.spec.configSource) {
      out.emplace_back("spec.configSource: the feature is no longer supported");
    }
    if (!next.spec.externalID.empty()) {
      out.emplace_back("spec.externalID: this field is deprecated, and is unused by Kubernetes");
    }
    const auto path = FieldPath("spec").child("podCIDRs");
    for (size_t i = 0; i < next.spec.podCIDRs.size(); ++i) {
      warnOfCidr(next.spec.podCIDRs[i], path.index(i), out);
    }
  }
  void check(const Node& node, FieldErrors& errors) const override {
    checkTaints(node.spec.taints, FieldPath("metadata").child("taints"), errors);
    checkResources(node, errors);
    checkPodCidrs(node, errors);
    checkDeclaredFeatures(node, errors);
  }
  void beforeUpdate(Node& next, const Node& current) const override {
    next.status = current.status;
    if (!current.spec.configSource) next.spec.configSource.reset();
  }
  void checkUpdate(const Node& next, const Node& current, FieldErrors& errors) const override {
    const FieldPath spec("spec");
    checkResources(next, errors);
    checkAddresses(next, errors);
    checkDeclaredFeatures(next, errors);
    checkPodCidrsKept(next.spec.podCIDRs, current.spec.podCIDRs, spec.child("podCIDRs"), errors);
    if (!current.spec.providerID.empty() && next.spec.providerID != current.spec.providerID) {
      errors.forbidden(spec.child("providerID"),
                       "node updates may not change providerID except from \"\" to valid");
    }
    checkTaints(next.spec.taints, FieldPath("metadata").child("taints"), errors);
    if (next.spec.externalID != current.spec.externalID) {
      errors.forbidden(spec.child("externalID"), "may not be updated");
    }
  }
  void checkStatusUpdate(const Node& next, const Node& current,
                         FieldErrors& errors) const override {
    checkUpdate(next, current, errors);
  }
  void fields(const Node& node, api::FieldSet& out) const override {
    out.emplace_back("spec.unschedulable", node.spec.unschedulable ? "true" : "false");
  }
};

}  // namespace

std::unique_ptr<Strategy> makeNodeStrategy() {
  return std::make_unique<NodeStrategy>();
}

}  // namespace coxswain::apiserver
