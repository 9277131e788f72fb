#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// "pod2" before "pod10".
bool naturalLess(std::string_view a, std::string_view b);

/// The order in which --sort-by puts values: quantities and numbers by value, text naturally, what
/// is absent first.
bool sortValueLess(const json::value* a, const json::value* b);

/// Sorts objects by a path (as --sort-by takes it), keeping the order of equals. `objectOf` finds
/// the object in an element. Fault where the path is none, or no object has it.
template <typename T, typename ObjectOf>
Status sortBy(std::vector<T>& elements, const std::string& path, ObjectOf objectOf);

/// What each object has at the path; null: nothing.
Result<std::vector<const json::value*>> sortKeys(const std::vector<const json::value*>& objects,
                                                 const std::string& path);
std::vector<size_t> sortedOrder(const std::vector<const json::value*>& keys);

template <typename T, typename ObjectOf>
Status sortBy(std::vector<T>& elements, const std::string& path, ObjectOf objectOf) {
  std::vector<const json::value*> objects;
  for (const auto& element : elements) objects.push_back(&objectOf(element));
  TRY(auto keys, sortKeys(objects, path));
  auto order = sortedOrder(keys);
  std::vector<T> sorted;
  for (size_t i : order) sorted.push_back(std::move(elements[i]));
  elements = std::move(sorted);
  return {};
}

}  // namespace coxswain::cli
