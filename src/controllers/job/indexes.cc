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

IndexSet IndexSet::of(std::vector<int32_t> indexes) {
  std::sort(indexes.begin(), indexes.end());
  IndexSet set;
  for (const int32_t index : indexes) set.add(index);
  return set;
}

void IndexSet::addInterval(int32_t first, int32_t last) {
  // Mostly they come in order.
  if (intervals_.empty() || intervals_.back().second < first - 1) {
    intervals_.emplace_back(first, last);
    return;
  }
  // Those that overlap or touch become one.
  auto from = std::lower_bound(intervals_.begin(), intervals_.end(), first - 1,
                               [](const auto& i, int32_t at) { return i.second < at; });
  auto to = from;
  while (to != intervals_.end() && to->first <= last + 1) {
    first = std::min(first, to->first);
    last = std::max(last, to->second);
    ++to;
  }
  if (from == to) {
    intervals_.insert(from, {first, last});
    return;
  }
  *from = {first, last};
  intervals_.erase(from + 1, to);
}

void IndexSet::add(int32_t index) {
  addInterval(index, index);
}

void IndexSet::add(const IndexSet& other) {
  for (const auto& [first, last] : other.intervals_) addInterval(first, last);
}

bool IndexSet::contains(int32_t index) const {
  auto at = std::lower_bound(intervals_.begin(), intervals_.end(), index,
                             [](const auto& i, int32_t wanted) { return i.second < wanted; });
  return at != intervals_.end() && at->first <= index;
}

int32_t IndexSet::common(const IndexSet& other) const {
  int32_t count = 0;
  auto theirs = other.intervals_.begin();
  for (const auto& [first, last] : intervals_) {
    while (theirs != other.intervals_.end() && theirs->second < first) ++theirs;
    for (auto at = theirs; at != other.intervals_.end() && at->first <= last; ++at) {
      count += std::min(last, at->second) - std::max(first, at->first) + 1;
    }
  }
  return count;
}

std::vector<int32_t> IndexSet::missing(size_t count, int32_t end) const {
  std::vector<int32_t> found;
  int32_t next = 0;
  const auto take = [&](int32_t until) {
    for (; next < until && found.size() < count; ++next) found.push_back(next);
  };
  for (const auto& [first, last] : intervals_) {
    if (found.size() == count || first >= end) break;
    take(first);
    next = std::max(next, last + 1);
  }
  take(end);
  return found;
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
