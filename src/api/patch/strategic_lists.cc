// Lists of strategic merge patches: kinds of elements, places, orders.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/patch/go_format.h"
#include "api/patch/strategic_merge.h"

namespace coxswain::api::strategic {

namespace json = boost::json;

Status failure(std::string message) {
  return {Reason::Unknown, 500, std::move(message)};
}

Status noMergeKey(const json::value& element, std::string_view key) {
  return failure("map: " + goFormat(element) +
                 " does not contain declared merge key: " + std::string(key));
}

Status badType(std::string_view expected, const json::value& got) {
  return failure("expected a " + std::string(expected) + ", but received a " +
                 std::string(goTypeName(got)));
}

Result<ElementKind> elementKind(const json::array& a, const json::array* b) {
  const json::value* first = nullptr;
  for (const json::array* list : {&a, b}) {
    if (list == nullptr) continue;
    for (const auto& element : *list) {
      if (element.is_array()) return failure("lists of lists are not supported");
      if (first == nullptr) first = &element;
      if (goTypeName(*first) != goTypeName(element))
        return failure("list element types are not identical: " + goFormat(*list));
    }
  }
  return first != nullptr && first->is_object() ? ElementKind::Map : ElementKind::Scalar;
}

Positions::Positions(const json::array& list, std::string_view mergeKey) : mergeKey_(mergeKey) {
  sorted_.reserve(list.size());
  int64_t at = 0;
  for (const auto& element : list) sorted_.emplace_back(keyOf(element, mergeKey), at++);
  std::sort(sorted_.begin(), sorted_.end());
}

std::string Positions::keyOf(const json::value& element, std::string_view mergeKey) {
  if (mergeKey.empty()) return writeJsonValue(element);
  const json::object* map = element.if_object();
  const json::value* key =
      map != nullptr ? map->if_contains({mergeKey.data(), mergeKey.size()}) : nullptr;
  return key != nullptr ? writeJsonValue(*key) : std::string();
}

int64_t Positions::of(const json::value& element) const {
  const std::string key = keyOf(element, mergeKey_);
  const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), key,
                                      [](const auto& a, const auto& k) { return a.first < k; });
  return found != sorted_.end() && found->first == key ? found->second : -1;
}

json::array weave(json::array patchItems, json::array otherItems, const json::array& patchOrder,
                  const json::array& serverOrder, std::string_view mergeKey) {
  const Positions inPatch(patchOrder, mergeKey);
  const Positions onServer(serverOrder, mergeKey);
  struct Item {
    json::value value;
    int64_t place;
    int64_t server;
  };
  const auto sorted = [&](json::array& items, const Positions& order) {
    std::vector<Item> out;
    out.reserve(items.size());
    for (auto& item : items) {
      const int64_t place = order.of(item);
      const int64_t server = onServer.of(item);
      out.push_back({std::move(item), place, server});
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const Item& a, const Item& b) { return a.place < b.place; });
    return out;
  };
  std::vector<Item> patch = sorted(patchItems, inPatch);
  std::vector<Item> other = sorted(otherItems, onServer);
  // New elements of the patch come before what the server has; others keep the server's order.
  json::array out;
  out.reserve(patch.size() + other.size());
  size_t p = 0;
  size_t o = 0;
  while (p < patch.size() || o < other.size()) {
    const bool takeOther =
        p == patch.size() || (o < other.size() && other[o].server >= 0 && patch[p].server >= 0 &&
                              other[o].server < patch[p].server);
    out.push_back(std::move(takeOther ? other[o++].value : patch[p++].value));
  }
  return out;
}

}  // namespace coxswain::api::strategic
