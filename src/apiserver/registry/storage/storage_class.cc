#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/class_rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::StorageClass;

namespace {

using Topology = std::map<std::string_view, std::set<std::string_view>>;

/// The term's keys with their values.
Topology checkTerm(const api::core::v1::TopologySelectorTerm& term, const FieldPath& path,
                   FieldErrors& errors) {
  Topology topology;
  for (size_t i = 0; i < term.matchLabelExpressions.size(); ++i) {
    const auto& each = term.matchLabelExpressions[i];
    const auto at = path.index(i);
    const auto valuesPath = at.child("values");
    if (each.values.empty()) errors.required(valuesPath);
    std::set<std::string_view> values;
    for (size_t k = 0; k < each.values.size(); ++k) {
      if (!values.insert(each.values[k]).second)
        errors.duplicate(valuesPath.index(k), each.values[k]);
    }
    checkQualifiedName(each.key, at.child("key"), errors);
    if (topology.contains(each.key)) errors.duplicate(at.child("key"), each.key);
    topology[each.key] = std::move(values);
  }
  return topology;
}

void checkTopologies(const StorageClass& object, FieldErrors& errors) {
  const FieldPath path("allowedTopologies");
  std::map<Topology, size_t> seen;
  for (size_t i = 0; i < object.allowedTopologies.size(); ++i) {
    const auto at = path.index(i).child("matchLabelExpressions");
    auto topology = checkTerm(object.allowedTopologies[i], at, errors);
    // Once for each that was the same, as long as there is room for errors.
    auto& before = seen[std::move(topology)];
    for (size_t told = 0, room = errors.size() + 1; told < before; ++told, ++room) {
      errors.duplicate(at, "");
      if (errors.size() < room) break;
    }
    ++before;
  }
}

class StorageClassStrategy final : public TypedStrategy<StorageClass> {
 public:
  StorageClassStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void defaults(StorageClass& object) const override {
    if (!object.reclaimPolicy) object.reclaimPolicy = "Delete";
    if (!object.volumeBindingMode) object.volumeBindingMode = "Immediate";
  }
  void check(const StorageClass& object, FieldErrors& errors) const override {
    checkProvisioner(object.provisioner, FieldPath("provisioner"), errors);
    checkParameters(object.parameters, FieldPath("parameters"), errors);
    const auto policy = object.reclaimPolicy.value_or("");
    if (!policy.empty() && policy != "Delete" && policy != "Retain") {
      errors.notSupported(FieldPath("reclaimPolicy"), policy, {"Delete", "Retain"});
    }
    const auto mode = object.volumeBindingMode.value_or("");
    if (mode != "Immediate" && mode != "WaitForFirstConsumer") {
      errors.notSupported(FieldPath("volumeBindingMode"), mode,
                          {"Immediate", "WaitForFirstConsumer"});
    }
    checkTopologies(object, errors);
  }
  void checkUpdate(const StorageClass& next, const StorageClass& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkImmutable(next.parameters, current.parameters, FieldPath("parameters"), errors);
    checkImmutable(next.provisioner, current.provisioner, FieldPath("provisioner"), errors);
    checkImmutable(next.reclaimPolicy, current.reclaimPolicy, FieldPath("reclaimPolicy"), errors);
    checkImmutable(next.volumeBindingMode, current.volumeBindingMode,
                   FieldPath("volumeBindingMode"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeStorageClassStrategy() {
  return std::make_unique<StorageClassStrategy>();
}

}  // namespace coxswain::apiserver
