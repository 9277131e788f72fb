#include "cli/printers/sorting.h"

#include <algorithm>
#include <numeric>

#include "api/meta/quantity.h"
#include "api/names/quote.h"
#include "cli/framework/errors.h"
#include "cli/printers/jsonpath.h"

namespace coxswain::cli {

namespace {
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
}  // namespace

bool naturalLess(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (isDigit(a[i]) && isDigit(b[j])) {
      while (i < a.size() && a[i] == '0') ++i;
      while (j < b.size() && b[j] == '0') ++j;
      size_t iEnd = i;
      size_t jEnd = j;
      while (iEnd < a.size() && isDigit(a[iEnd])) ++iEnd;
      while (jEnd < b.size() && isDigit(b[jEnd])) ++jEnd;
      if (iEnd - i != jEnd - j) return iEnd - i < jEnd - j;
      const int order = a.substr(i, iEnd - i).compare(b.substr(j, jEnd - j));
      if (order != 0) return order < 0;
      i = iEnd;
      j = jEnd;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  if ((i < a.size()) != (j < b.size())) return i >= a.size();
  return a.size() < b.size();
}

bool sortValueLess(const json::value* a, const json::value* b) {
  if (!a || !b) return !a && b;
  if (a->is_number() && b->is_number()) {
    return a->to_number<double>() < b->to_number<double>();
  }
  if (a->is_bool() && b->is_bool()) return !a->get_bool() && b->get_bool();
  const auto x = plainText(*a);
  const auto y = plainText(*b);
  auto left = api::Quantity::parse(x);
  auto right = api::Quantity::parse(y);
  if (left.ok() && right.ok()) return *left < *right;
  return naturalLess(x, y);
}

Result<std::vector<const json::value*>> sortKeys(const std::vector<const json::value*>& objects,
                                                 const std::string& path) {
  TRY(auto full, relaxedJsonPath(path));
  TRY(auto parsed, JsonPath::parse(full));
  std::vector<const json::value*> keys;
  bool any = false;
  for (const auto* object : objects) {
    TRY(auto found, parsed.find(*object));
    const json::value* first = nullptr;
    if (!found.actions.empty() && !found.actions[0].empty()) first = found.actions[0][0];
    if (!found.made.empty()) return fault("sort-by needs a field, not " + path);
    any = any || first;
    keys.push_back(first);
  }
  if (!any && !objects.empty()) {
    return fault("couldn't find any field with path " + api::goQuote(full) +
                 " in the list of objects");
  }
  return keys;
}

std::vector<size_t> sortedOrder(const std::vector<const json::value*>& keys) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order,
                           [&](size_t a, size_t b) { return sortValueLess(keys[a], keys[b]); });
  return order;
}

}  // namespace coxswain::cli
