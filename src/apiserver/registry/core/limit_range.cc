#include <cstdio>
#include <set>

#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/resource_names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::Quantity;
using api::core::v1::LimitRange;
using api::core::v1::LimitRangeItem;
using Amounts = api::Map<Quantity>;

namespace {

void fill(Amounts& to, const Amounts& from) {
  for (const auto& [name, quantity] : from) to.try_emplace(name, quantity);
}

void checkNames(std::string_view type, const Amounts& amounts, const FieldPath& path,
                std::set<std::string_view>& names, FieldErrors& errors) {
  const bool ofPods = type == "Pod" || type == "Container";
  for (const auto& [name, quantity] : amounts) {
    const auto at = path.key(name);
    ofPods ? checkContainerResourceName(name, at, errors) : checkResourceName(name, at, errors);
    names.insert(name);
  }
}

void checkRatio(const Quantity& ratio, const Quantity* min, const Quantity* max,
                const FieldPath& path, FieldErrors& errors) {
  if (ratio < Quantity::fromInt(1)) {
    errors.invalid(path, ratio, "ratio " + ratio.str() + " is less than 1");
  }
  if (!min || !max || min->isZero()) return;
  const double limit = max->asDouble() / min->asDouble();
  if (ratio.asDouble() <= limit) return;
  char shown[64];
  std::snprintf(shown, sizeof shown, "%f", limit);
  errors.invalid(path, ratio, "ratio " + ratio.str() + " is greater than max/min = " + shown);
}

/// min <= defaultRequest <= default <= max, of one resource.
void checkOrder(const LimitRangeItem& item, std::string_view name, const FieldPath& path,
                FieldErrors& errors) {
  const auto* min = item.min.get(name);
  const auto* max = item.max.get(name);
  const auto* limit = item.default_.get(name);
  const auto* request = item.defaultRequest.get(name);
  const auto tell = [&](const FieldPath& at, const Quantity& shown, std::string_view smaller,
                        const Quantity& a, std::string_view larger, const Quantity& b) {
    errors.invalid(at, shown,
                   std::string(smaller) + " value " + a.str() + " is greater than " +
                       std::string(larger) + " value " + b.str());
  };
  const auto requestAt = path.child("defaultRequest").key(name);
  const auto limitAt = path.child("default").key(name);
  if (min && max && *min > *max) tell(path.child("min").key(name), *min, "min", *min, "max", *max);
  if (request && min && *min > *request) {
    tell(requestAt, *request, "min", *min, "default request", *request);
  }
  if (request && max && *request > *max) {
    tell(requestAt, *request, "default request", *request, "max", *max);
  }
  if (request && limit && *request > *limit) {
    tell(requestAt, *request, "default request", *request, "default limit", *limit);
  }
  if (limit && min && *min > *limit) tell(limitAt, *min, "min", *min, "default", *limit);
  if (limit && max && *limit > *max) tell(limitAt, *max, "default", *limit, "max", *max);
  if (const auto* ratio = item.maxLimitRequestRatio.get(name)) {
    checkRatio(*ratio, min, max, path.child("maxLimitRequestRatio").key(name), errors);
  }
  if (request && limit && *request != *limit && !mayOvercommitResource(name)) {
    errors.invalid(requestAt, *request,
                   "default value " + limit->str() + " must equal to defaultRequest value " +
                       request->str() + " in " + std::string(name));
  }
}

void checkItem(const LimitRangeItem& item, const FieldPath& path, FieldErrors& errors) {
  std::set<std::string_view> names;
  checkNames(item.type, item.max, path.child("max"), names, errors);
  checkNames(item.type, item.min, path.child("min"), names, errors);
  if (item.type == "Pod") {
    constexpr std::string_view kNotForPods = "may not be specified when `type` is 'Pod'";
    if (!item.default_.empty()) errors.forbidden(path.child("default"), kNotForPods);
    if (!item.defaultRequest.empty()) errors.forbidden(path.child("defaultRequest"), kNotForPods);
  } else {
    checkNames(item.type, item.default_, path.child("default"), names, errors);
    checkNames(item.type, item.defaultRequest, path.child("defaultRequest"), names, errors);
  }
  if (item.type == "PersistentVolumeClaim" && !item.min.contains("storage") &&
      !item.max.contains("storage")) {
    errors.required(
        path.child("limits"),
        "either minimum or maximum storage value is required, but neither was provided");
  }
  checkNames(item.type, item.maxLimitRequestRatio, path.child("maxLimitRequestRatio"), names,
             errors);
  for (const auto name : names) checkOrder(item, name, path, errors);
}

class LimitRangeStrategy final : public TypedStrategy<LimitRange> {
 public:
  LimitRangeStrategy() : TypedStrategy(StrategyTraits{.allowCreateOnUpdate = true}) {}

 protected:
  void defaults(LimitRange& object) const override {
    for (auto& item : object.spec.limits) {
      for (auto* list : {&item.max, &item.min, &item.default_, &item.defaultRequest,
                         &item.maxLimitRequestRatio}) {
        roundResources(*list);
      }
      if (item.type != "Container") continue;
      fill(item.default_, item.max);
      fill(item.defaultRequest, item.default_);
      fill(item.defaultRequest, item.min);
    }
  }
  void check(const LimitRange& object, FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("limits");
    std::set<std::string_view> types;
    for (size_t i = 0; i < object.spec.limits.size(); ++i) {
      const auto& item = object.spec.limits[i];
      const auto at = path.index(i);
      const auto type = at.child("type");
      const auto messages = api::validateQualifiedName(item.type);
      errors.invalidEach(type, item.type, messages);
      if (messages.empty() && item.type.find('/') == std::string::npos && item.type != "Pod" &&
          item.type != "Container" && item.type != "PersistentVolumeClaim") {
        errors.invalid(type, item.type, "must be a standard limit type or fully qualified");
      }
      if (!types.insert(item.type).second) errors.duplicate(type, item.type);
      checkItem(item, at, errors);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeLimitRangeStrategy() {
  return std::make_unique<LimitRangeStrategy>();
}

}  // namespace coxswain::apiserver
