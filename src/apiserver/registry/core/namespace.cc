#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Namespace;

namespace {

constexpr std::string_view kNameLabel = "kubernetes.io/metadata.name";
constexpr std::string_view kFinalizer = "kubernetes";

class NamespaceStrategy : public TypedStrategy<Namespace> {
 public:
  NamespaceStrategy()
      : TypedStrategy(StrategyTraits{.fieldSelectors = {"status.phase"}, .ownFinalizers = true}) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return labelNameRule(name, prefix);
  }

  [[nodiscard]] bool holdsDeleted(const void* object) const override {
    return !static_cast<const Namespace*>(object)->spec.finalizers.empty();
  }
  void beginDeletion(void* object) const override {
    static_cast<Namespace*>(object)->status.phase = "Terminating";
  }

 protected:
  void defaults(Namespace& object) const override {
    if (object.status.phase.empty()) object.status.phase = "Active";
    if (!object.metadata.name.empty()) {
      object.metadata.labels.insert_or_assign(kNameLabel, object.metadata.name);
    }
  }
  void beforeCreate(Namespace& object) const override {
    object.status.phase = "Active";
    auto& finalizers = object.spec.finalizers;
    if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) {
      finalizers.emplace_back(kFinalizer);
    }
  }
  void check(const Namespace& object, FieldErrors& errors) const override {
    for (const auto& name : object.spec.finalizers) {
      errors.invalidEach(FieldPath("spec").child("finalizers"), name,
                         api::validateFinalizerName(name));
    }
  }
  void beforeUpdate(Namespace& next, const Namespace& current) const override {
    next.spec = current.spec;
  }
  void checkUpdate(const Namespace&, const Namespace&, FieldErrors&) const override {}
  void checkStatusUpdate(const Namespace& next, const Namespace&,
                         FieldErrors& errors) const override {
    const auto path = FieldPath("status").child("Phase");
    const auto& phase = next.status.phase;
    if (!next.metadata.deletionTimestamp) {
      if (phase != "Active") {
        errors.invalid(path, phase, "may only be 'Active' if `deletionTimestamp` is empty");
      }
    } else if (phase != "Terminating") {
      errors.invalid(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
    }
  }
  void fields(const Namespace& object, api::FieldSet& out) const override {
    out.emplace_back("status.phase", object.status.phase);
  }
};

class NamespaceFinalizeStrategy final : public NamespaceStrategy {
 protected:
  void beforeUpdate(Namespace&, const Namespace&) const override {}
  void checkUpdate(const Namespace& next, const Namespace&, FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("finalizers");
    for (size_t i = 0; i < next.spec.finalizers.size(); ++i) {
      const auto& name = next.spec.finalizers[i];
      errors.invalidEach(path.index(i), name, api::validateFinalizerName(name));
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeNamespaceStrategy() {
  return std::make_unique<NamespaceStrategy>();
}
std::unique_ptr<Strategy> makeNamespaceFinalizeStrategy() {
  return std::make_unique<NamespaceFinalizeStrategy>();
}

}  // namespace coxswain::apiserver
