#include "apiserver/registry/resource/request_policy.h"

#include <algorithm>

#include "apiserver/registry/resource/names.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::Quantity;
using api::resource::v1::CapacityRequestPolicy;
using api::resource::v1::CapacityRequestPolicyRange;

namespace {

constexpr size_t kValuesMax = 10;

void checkValues(const Quantity& fallback, const Quantity& capacity,
                 const std::vector<Quantity>& values, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i - 1] > values[i]) {
      errors.invalid(path.index(i), values[i], "values must be sorted in ascending order");
    }
  }
  if (!tooMany(values.size(), kValuesMax, path, errors)) {
    std::vector<int64_t> seen;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] > capacity) {
        errors.invalid(path.index(i), values[i],
                       "option is larger than capacity value: " + capacity.str());
      }
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const auto whole = values[i].value();
      if (std::find(seen.begin(), seen.end(), whole) != seen.end()) {
        errors.duplicate(path.index(i), std::to_string(whole));
      } else {
        seen.push_back(whole);
      }
    }
    if (std::find(values.begin(), values.end(), fallback) != values.end()) return;
  }
  errors.invalid(path, fallback, "default value is not valid according to the requestPolicy");
}

void checkStep(const Quantity& value, const Quantity& min, const Quantity& step,
               const FieldPath& path, FieldErrors& errors) {
  __extension__ typedef __int128 Wide;  // the difference of any two amounts
  if ((Wide{value.value()} - Wide{min.value()}) % Wide{step.value()} == 0) return;
  errors.invalid(
      path, value,
      "value is not a multiple of a given step (" + step.str() + ") from (" + min.str() + ")");
}

void checkSteps(const Quantity& fallback, const Quantity& capacity,
                const CapacityRequestPolicyRange& range, const FieldPath& path,
                FieldErrors& errors) {
  const auto& step = *range.step;
  if (step.sign() <= 0) return errors.invalid(path, step, "must be greater than zero");
  const auto added = *range.min + step;
  if (added > capacity) {
    errors.invalid(path, step,
                   "one step " + added.str() + " is larger than capacity value: " + capacity.str());
  }
  checkStep(fallback, *range.min, step, path, errors);
  if (range.max) checkStep(*range.max, *range.min, step, path, errors);
}

void checkRange(const Quantity& fallback, const Quantity& capacity,
                const CapacityRequestPolicyRange& range, const FieldPath& path,
                FieldErrors& errors) {
  const auto& min = range.min;
  const auto& max = range.max;
  if (!min) return errors.required(path.child("min"), "required when validRange is defined");
  if (*min > capacity) {
    errors.invalid(path.child("min"), *min, "min is larger than capacity value: " + capacity.str());
  }
  if (fallback < *min) {
    errors.invalid(path.child("default"), fallback, "default is less than min: " + min->str());
  }
  if (max) {
    if (*min > *max) {
      errors.invalid(path.child("max"), *min, "min is larger than max: " + max->str());
    }
    if (*max > capacity) {
      errors.invalid(path.child("max"), *max,
                     "max is larger than capacity value: " + capacity.str());
    }
    if (fallback > *max) {
      errors.invalid(path.child("default"), fallback, "default is more than max: " + max->str());
    }
  }
  if (range.step) checkSteps(fallback, capacity, range, path.child("step"), errors);
}

}  // namespace

void checkRequestPolicy(const Quantity& capacity, const CapacityRequestPolicy& policy,
                        const FieldPath& path, FieldErrors& errors) {
  if (!policy.validValues.empty() && policy.validRange) {
    return errors.forbidden(path,
                            "exactly one policy can be specified, cannot specify \"validValues\" "
                            "and \"validRange\" at the same time");
  }
  if (policy.validValues.empty() && !policy.validRange) return;
  const std::string_view member = policy.validRange ? "validRange" : "validValues";
  if (!policy.default_) {
    return errors.required(path.child("default"),
                           "required when " + std::string(member) + " is defined");
  }
  const auto at = path.child(member);
  if (policy.validRange) {
    checkRange(*policy.default_, capacity, *policy.validRange, at, errors);
  } else {
    checkValues(*policy.default_, capacity, policy.validValues, at, errors);
  }
}

}  // namespace coxswain::apiserver
