#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"

namespace coxswain::controllers {

/// The body of a patch that sets the list `field` of `part` ("status"), leaves all else, and is
/// refused when the object has changed since. A merge patch puts the list in the old one's place, a
/// strategic one changes those of its elements that are given. Empty: the list is taken away.
template <typename Element>
std::string listPatch(const api::meta::v1::ObjectMeta& object, std::string_view part,
                      std::string_view field, const std::vector<Element>& list) {
  // The server made both: no escaping is needed.
  std::string body = "{\"metadata\":{\"uid\":\"" + object.uid + "\",\"resourceVersion\":\"" +
                     object.resourceVersion + "\"},\"";
  body.append(part).append("\":{\"").append(field).append("\":");
  if (list.empty()) return body + "null}}";
  char separator = '[';
  for (const auto& element : list) {
    body += separator;
    separator = ',';
    api::encodeJson(Element::info(), &element, body);
  }
  return body + "]}}";
}

}  // namespace coxswain::controllers
