#include "api/reflect/info.h"

#include <algorithm>

namespace coxswain::api {

const JsonMember* MessageInfo::findJson(std::string_view jsonName, size_t* hint) const {
  // Writers keep the order of the schema and leave members out: the next one is seldom far.
  if (hint) {
    size_t end = std::min(*hint + 16, jsonMembers.size());
    for (size_t i = *hint; i < end; ++i) {
      std::string_view found = jsonMembers[i].field->name;
      if (found.size() == jsonName.size() && !found.empty() && found[0] == jsonName[0] &&
          found == jsonName) {
        *hint = i + 1;
        return &jsonMembers[i];
      }
    }
  }
  auto at = std::lower_bound(jsonByName.begin(), jsonByName.end(), jsonName,
                             [this](uint16_t index, std::string_view key) {
                               return jsonMembers[index].field->name < key;
                             });
  if (at == jsonByName.end() || jsonMembers[*at].field->name != jsonName) return nullptr;
  if (hint) *hint = size_t{*at} + 1;
  return &jsonMembers[*at];
}

const FieldInfo* MessageInfo::findNumber(uint32_t number, size_t* hint) const {
  if (hint) {
    size_t end = std::min(*hint + 12, byNumber.size());
    for (size_t i = *hint; i < end; ++i) {
      uint32_t found = fields[byNumber[i]].number;
      if (found == number) {
        *hint = i;
        return &fields[byNumber[i]];
      }
      if (found > number) break;
    }
  }
  auto at =
      std::lower_bound(byNumber.begin(), byNumber.end(), number,
                       [this](uint16_t index, uint32_t key) { return fields[index].number < key; });
  if (at == byNumber.end() || fields[*at].number != number) return nullptr;
  if (hint) *hint = static_cast<size_t>(at - byNumber.begin());
  return &fields[*at];
}

}  // namespace coxswain::api
