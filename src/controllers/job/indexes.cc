#include "controllers/job/indexes.h"

#include <algorithm>
#include <charconv>

namespace coxswain::controllers::job {

namespace {

bool parseInt(std::string_view text, int32_t& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && out >= 0;
}

}  // namespace

IndexSet IndexSet::parse(std::string_view text, int32_t end) {
  IndexSet set;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    const auto dash = part.find('-');
    int32_t first = 0;
    int32_t last = 0;
    if (!parseInt(part.substr(0, dash), first)) continue;
    last = first;
    if (dash != std::string_view::npos && !parseInt(part.substr(dash + 1), last)) continue;
    last = std::min(last, end - 1);
    if (first <= last) set.addInterval(first, last);
  }
  return set;
}

void IndexSet::addInterval(int32_t first, int32_t last) {
  // Those that overlap or touch become one.
  auto from = std::find_if(intervals_.begin(), intervals_.end(),
                           [first](const auto& i) { return i.second >= first - 1; });
  auto to = from;
  while (to != intervals_.end() && to->first <= last + 1) {
    first = std::min(first, to->first);
    last = std::max(last, to->second);
    ++to;
  }
  from = intervals_.erase(from, to);
  intervals_.insert(from, {first, last});
}

void IndexSet::add(int32_t index) {
  addInterval(index, index);
}

bool IndexSet::contains(int32_t index) const {
  auto at = std::find_if(intervals_.begin(), intervals_.end(),
                         [index](const auto& i) { return i.second >= index; });
  return at != intervals_.end() && at->first <= index;
}

int32_t IndexSet::size() const {
  int32_t count = 0;
  for (const auto& [first, last] : intervals_) count += last - first + 1;
  return count;
}

std::string IndexSet::str() const {
  std::string text;
  for (const auto& [first, last] : intervals_) {
    if (!text.empty()) text += ",";
    text += std::to_string(first);
    if (last > first) text += (last == first + 1 ? "," : "-") + std::to_string(last);
  }
  return text;
}

}  // namespace coxswain::controllers::job
