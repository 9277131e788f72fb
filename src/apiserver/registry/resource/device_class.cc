#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/resource/claim_rules.h"
#include "apiserver/registry/resource/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::DeviceClass;
using api::resource::v1::DeviceClassSpec;

namespace {

/// `current` null: a new object. What is as it was before may be as it would not be accepted now.
void checkSpec(const DeviceClassSpec& spec, const DeviceClassSpec* current, FieldErrors& errors) {
  const FieldPath path("spec");
  const bool sameSelectors = current && spec.selectors == current->selectors;
  checkDeviceSelectors(spec.selectors, sameSelectors, path.child("selectors"), errors);
  const bool sameConfig = current && spec.config == current->config;
  const auto config = path.child("config");
  if (!tooMany(spec.config.size(), kDeviceConfigMax, config, errors)) {
    for (size_t i = 0; i < spec.config.size(); ++i) {
      checkDeviceConfiguration(spec.config[i].deviceConfiguration, sameConfig, config.index(i),
                               errors);
    }
  }
  const auto& extended = spec.extendedResourceName;
  if (extended && !(api::isExtendedResource(*extended) &&
                    api::validateQualifiedName("requests." + *extended).empty())) {
    errors.invalid(path.child("extendedResourceName"), *extended,
                   "must be a valid extended resource name");
  }
}

class DeviceClassStrategy final : public TypedStrategy<DeviceClass> {
 public:
  DeviceClassStrategy()
      : TypedStrategy(StrategyTraits{.generation = true, .returnsDeleted = true}) {}

 protected:
  void check(const DeviceClass& object, FieldErrors& errors) const override {
    checkSpec(object.spec, nullptr, errors);
  }
  void checkUpdate(const DeviceClass& next, const DeviceClass& current,
                   FieldErrors& errors) const override {
    checkSpec(next.spec, &current.spec, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeDeviceClassStrategy() {
  return std::make_unique<DeviceClassStrategy>();
}

}  // namespace coxswain::apiserver
