#pragma once

#include <string>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"

namespace coxswain::controllers {

/// The body of a strategic merge patch of "status" that sets these conditions, leaves all else, and
/// is refused when the object has changed since.
template <typename Condition>
std::string conditionsPatch(const api::meta::v1::ObjectMeta& object,
                            const std::vector<Condition>& conditions) {
  // The server made both: no escaping is needed.
  std::string body = "{\"metadata\":{\"uid\":\"" + object.uid + "\",\"resourceVersion\":\"" +
                     object.resourceVersion + "\"},\"status\":{\"conditions\":";
  char separator = '[';
  for (const auto& condition : conditions) {
    body += separator;
    separator = ',';
    api::encodeJson(Condition::info(), &condition, body);
  }
  return body + "]}}";
}

}  // namespace coxswain::controllers
