#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "api/names/field_error.h"

namespace coxswain::apiserver {

/// Conditions of a flow schema or priority level: types that are set and unique, no more.
template <typename Condition>
void checkFlowControlConditions(const std::vector<Condition>& conditions,
                                api::FieldErrors& errors) {
  const api::FieldPath path("status");
  const auto list = path.child("conditions");
  std::set<std::string_view> types;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const auto at = list.index(i).child("type");
    const auto& type = conditions[i].type;
    if (!types.insert(type).second) errors.duplicate(at, type);
    if (type.empty()) errors.required(at, "must not be empty");
  }
}

}  // namespace coxswain::apiserver
