#include "scheduler/cache/counts.h"

#include <algorithm>
#include <utility>

namespace coxswain::scheduler {

namespace {
constexpr size_t kTableMin = 4;
/// An entry of the table takes the room of four numbers, as full as it is on average.
constexpr uint32_t kWorthAll = 4;
/// Far from that one, so that nothing goes to and fro.
constexpr uint32_t kWorthTable = 16;
}  // namespace

void Counts::clear() {
  *this = {};
}

void Counts::add(uint32_t index, int32_t by) {
  if (by == 0) return;
  end_ = std::max(end_, index + 1);
  if (all_.empty()) {
    addToTable(index, by);
    if (notZero_ > end_ / kWorthAll) toAll();
    return;
  }
  if (index >= all_.size()) all_.resize(end_, 0);
  int32_t& value = all_[index];
  const bool was = value != 0;
  value += by;
  if (was && value == 0) {
    if (--notZero_ < end_ / kWorthTable) toTable();
  } else if (!was) {
    ++notZero_;
  }
}

void Counts::addToTable(uint32_t index, int32_t by) {
  if ((notZero_ + 1) * 4 > table_.size() * 3) resizeTable(std::max(kTableMin, table_.size() * 2));
  size_t at = home(index);
  while (table_[at].value != 0 && table_[at].index != index) at = next(at);
  if (table_[at].value == 0) ++notZero_;
  table_[at].index = index;
  table_[at].value += by;
  if (table_[at].value != 0) return;
  // Those that were put further on because of this one come closer.
  --notZero_;
  size_t hole = at;
  for (size_t i = next(at); table_[i].value != 0; i = next(i)) {
    const size_t mask = table_.size() - 1;
    const size_t wants = home(table_[i].index);
    if (((i - wants) & mask) < ((i - hole) & mask)) continue;
    table_[hole] = std::exchange(table_[i], {});
    hole = i;
  }
}

void Counts::insert(Entry entry) {
  size_t at = home(entry.index);
  while (table_[at].value != 0) at = next(at);
  table_[at] = entry;
}

void Counts::resizeTable(size_t size) {
  const auto old = std::exchange(table_, std::vector<Entry>(size));
  for (const auto& entry : old)
    if (entry.value != 0) insert(entry);
}

void Counts::toAll() {
  all_.assign(end_, 0);
  for (const auto& entry : table_)
    if (entry.value != 0) all_[entry.index] = entry.value;
  std::vector<Entry>().swap(table_);
}

void Counts::toTable() {
  size_t size = kTableMin;
  while (notZero_ * 4 > size * 2) size *= 2;
  const auto numbers = std::exchange(all_, {});
  table_.assign(size, {});
  for (uint32_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != 0) insert({i, numbers[i]});
}

}  // namespace coxswain::scheduler
