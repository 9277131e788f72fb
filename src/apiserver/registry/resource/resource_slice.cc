#include <algorithm>
#include <chrono>

#include "api/gen/core_v1.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/resource/device_rules.h"
#include "apiserver/registry/resource/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::CounterSet;
using api::resource::v1::Device;
using api::resource::v1::ResourcePool;
using api::resource::v1::ResourceSlice;
using api::resource::v1::ResourceSliceSpec;

namespace {

constexpr size_t kDevicesMax = 128;
/// Where devices have taints, counters or lists.
constexpr size_t kAdvancedDevicesMax = 64;
constexpr size_t kCounterSetsMax = 8;

void checkPool(const ResourcePool& pool, const FieldPath& path, FieldErrors& errors) {
  checkPoolName(pool.name, path.child("name"), errors);
  if (pool.resourceSliceCount <= 0) {
    errors.invalid(path.child("resourceSliceCount"), pool.resourceSliceCount,
                   "must be greater than zero");
  }
  if (pool.generation < 0) {
    errors.invalid(path.child("generation"), pool.generation,
                   "must be greater than or equal to zero");
  }
}

void checkTrueIfSet(std::optional<bool> value, std::string_view shown, const FieldPath& path,
                    std::vector<std::string_view>& set, FieldErrors& errors) {
  if (!value) return;
  if (*value) {
    set.push_back(shown);
  } else {
    errors.invalid(path, false, "must be either unset or set to true");
  }
}

void checkWhere(const ResourceSliceSpec& spec, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kText =
      "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  std::vector<std::string_view> set;
  if (spec.nodeName) {
    const auto at = path.child("nodeName");
    if (spec.nodeName->empty()) {
      errors.invalid(at, *spec.nodeName, "must be either unset or set to a non-empty string");
    } else {
      set.emplace_back("`nodeName`");
      checkDns1123Subdomain(*spec.nodeName, at, errors);
    }
  }
  if (spec.nodeSelector) {
    set.emplace_back("`nodeSelector`");
    const auto at = path.child("nodeSelector");
    validateNodeSelector(*spec.nodeSelector, at, errors);
    if (spec.nodeSelector->nodeSelectorTerms.size() != 1) {
      std::string shown = "[";
      for (const auto& term : spec.nodeSelector->nodeSelectorTerms) {
        shown.append(shown.size() > 1 ? "," : "").append(internalJson(term));
      }
      if (spec.nodeSelector->nodeSelectorTerms.empty()) shown = "null";
      errors.invalid(at.child("nodeSelectorTerms"),
                     api::FieldValue::json(shown == "null" ? shown : shown + "]"),
                     "must have exactly one node selector term");
    }
  }
  checkTrueIfSet(spec.allNodes, "`allNodes`", path.child("allNodes"), set, errors);
  checkTrueIfSet(spec.perDeviceNodeSelection, "`perDeviceNodeSelection`",
                 path.child("perDeviceNodeSelection"), set, errors);
  if (set.empty()) return errors.required(path, kText);
  if (set.size() == 1) return;
  std::string shown = "{";
  for (const auto& each : set) shown.append(shown.size() > 1 ? ", " : "").append(each);
  errors.invalid(path, shown + "}", std::string(kText) + ", but multiple fields are set");
}

bool isAdvanced(const Device& device) {
  return !device.taints.empty() || !device.consumesCounters.empty() ||
         std::any_of(device.attributes.begin(), device.attributes.end(), [](const auto& entry) {
           const auto& each = entry.second;
           return !each.bools.empty() || !each.ints.empty() || !each.strings.empty() ||
                  !each.versions.empty();
         });
}

void checkDevices(const ResourceSliceSpec& spec, const ResourceSliceSpec* current,
                  const FieldPath& path, FieldErrors& errors) {
  const bool advanced = std::any_of(spec.devices.begin(), spec.devices.end(), isAdvanced);
  const size_t max = advanced ? kAdvancedDevicesMax : kDevicesMax;
  if (tooMany(spec.devices.size(), max, path, errors)) return;
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    const auto& device = spec.devices[i];
    const Device* before = nullptr;
    if (current) {
      const auto found = std::find_if(current->devices.begin(), current->devices.end(),
                                      [&](const Device& each) { return each.name == device.name; });
      if (found != current->devices.end()) before = &*found;
    }
    checkDevice(device, before, spec.perDeviceNodeSelection.value_or(false), path.index(i), errors);
  }
  checkUnique(
      spec.devices, [](const Device& each) { return std::string_view(each.name); }, path, errors);
}

void checkCounterSets(const std::vector<CounterSet>& sets, const FieldPath& path,
                      FieldErrors& errors) {
  if (tooMany(sets.size(), kCounterSetsMax, path, errors)) return;
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto at = path.index(i);
    if (!requireText(sets[i].name, at.child("name"), errors)) {
      checkDns1123Label(sets[i].name, at.child("name"), errors);
    }
    checkCounters(sets[i].counters, at.child("counters"), errors);
  }
  checkUnique(
      sets, [](const CounterSet& each) { return std::string_view(each.name); }, path, errors);
}

void checkSpec(const ResourceSliceSpec& spec, const ResourceSliceSpec* current,
               FieldErrors& errors) {
  const FieldPath path("spec");
  const auto driver = path.child("driver");
  const auto pool = path.child("pool");
  checkCsiDriverName(spec.driver, driver, errors);
  checkPool(spec.pool, pool, errors);
  if (current) {
    checkImmutable(spec.pool.name, current->pool.name, pool.child("name"), errors);
    checkImmutable(spec.driver, current->driver, driver, errors);
    checkImmutable(spec.nodeName, current->nodeName, path.child("nodeName"), errors);
  }
  checkWhere(spec, path, errors);
  if (!spec.sharedCounters.empty() && !spec.devices.empty()) {
    errors.invalid(path, "", "only one of `sharedCounters` or `devices` is allowed");
  }
  checkDevices(spec, current, path.child("devices"), errors);
  checkCounterSets(spec.sharedCounters, path.child("sharedCounters"), errors);
}

class ResourceSliceStrategy final : public TypedStrategy<ResourceSlice> {
 public:
  ResourceSliceStrategy()
      : TypedStrategy(StrategyTraits{.generation = true,
                                     .fieldSelectors = {"spec.nodeName", "spec.driver"},
                                     .returnsDeleted = true}) {}

 protected:
  void defaults(ResourceSlice& slice) const override {
    for (auto& device : slice.spec.devices) {
      for (auto& taint : device.taints) {
        if (!taint.timeAdded) taint.timeAdded = now();
      }
      for (auto& [name, mapping] : device.nodeAllocatableResourceMappings) {
        if (!mapping.allocationMultiplier) mapping.allocationMultiplier = api::Quantity::fromInt(1);
      }
    }
  }
  void check(const ResourceSlice& slice, FieldErrors& errors) const override {
    checkSpec(slice.spec, nullptr, errors);
  }
  void checkUpdate(const ResourceSlice& next, const ResourceSlice& current,
                   FieldErrors& errors) const override {
    checkSpec(next.spec, &current.spec, errors);
  }
  void warn(const ResourceSlice& next, const ResourceSlice*,
            std::vector<std::string>& out) const override {
    const auto& driver = next.spec.driver;
    const bool upper =
        std::any_of(driver.begin(), driver.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (upper) {
      out.push_back("spec.driver: driver names should be lowercase; " + api::goQuote(driver) +
                    " contains uppercase characters");
    }
  }
  void fields(const ResourceSlice& slice, api::FieldSet& out) const override {
    out.emplace_back("spec.nodeName", slice.spec.nodeName.value_or(""));
    out.emplace_back("spec.driver", slice.spec.driver);
  }

 private:
  static api::Time now() {
    return api::Time(
        std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()));
  }
};

}  // namespace

std::unique_ptr<Strategy> makeResourceSliceStrategy() {
  return std::make_unique<ResourceSliceStrategy>();
}

}  // namespace coxswain::apiserver
