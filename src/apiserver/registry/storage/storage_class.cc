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

void checkTopologies(const StorageClass& object, FieldErrors& errors) {
  const FieldPath path("allowedTopologies");
  for (size_t i = 0; i < object.allowedTopologies.size(); ++i) {
    const auto at = path.index(i).child("matchLabelExpressions");
    std::set<std::string_view> keys;
    const auto& expressions = object.allowedTopologies[i].matchLabelExpressions;
    for (size_t j = 0; j < expressions.size(); ++j) {
      const auto& each = expressions[j];
      const auto here = at.index(j);
      if (each.values.empty()) errors.required(here.child("values"));
      std::set<std::string_view> values;
      for (size_t k = 0; k < each.values.size(); ++k) {
        if (!values.insert(each.values[k]).second) {
          errors.duplicate(here.child("values").index(k), each.values[k]);
        }
      }
      checkQualifiedName(each.key, here.child("key"), errors);
      if (!keys.insert(each.key).second) errors.duplicate(here.child("key"), each.key);
    }
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
    if (policy != "Delete" && policy != "Retain") {
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
    checkImmutable(next.parameters, current.parameters, FieldPath("parameters"), errors);
    checkImmutable(next.provisioner, current.provisioner, FieldPath("provisioner"), errors);
    checkImmutable(next.reclaimPolicy, current.reclaimPolicy, FieldPath("reclaimPolicy"), errors);
    checkImmutable(next.volumeBindingMode, current.volumeBindingMode,
                   FieldPath("volumeBindingMode"), errors);
    checkTopologies(next, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeStorageClassStrategy() {
  return std::make_unique<StorageClassStrategy>();
}

}  // namespace coxswain::apiserver
