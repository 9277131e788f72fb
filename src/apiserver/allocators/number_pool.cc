#include "apiserver/allocators/number_pool.h"

namespace coxswain::apiserver {

bool NumberPool::take(uint64_t number, const std::string& owner) {
  return owners_.try_emplace(number, owner).second;
}

std::optional<uint64_t> NumberPool::freeIn(uint64_t from, uint64_t to) {
  if (from >= to) return std::nullopt;
  // Some throws of the dice, which is enough in a pool that is not nearly full; then in order.
  constexpr int kThrows = 20;
  const auto count = to - from;
  for (int i = 0; i < kThrows; ++i) {
    auto number = from + random_.below(count);
    if (!owners_.contains(number)) return number;
  }
  if (owners_.size() >= size_) return std::nullopt;
  const auto start = random_.below(count);
  for (uint64_t i = 0; i < count; ++i) {
    auto number = from + (start + i) % count;
    if (!owners_.contains(number)) return number;
  }
  return std::nullopt;
}

std::optional<uint64_t> NumberPool::takeAny(const std::string& owner) {
  auto number = freeIn(reserved_, size_);
  if (!number) number = freeIn(0, reserved_);
  if (number) owners_.emplace(*number, owner);
  return number;
}

void NumberPool::give(uint64_t number, const std::string& owner) {
  auto found = owners_.find(number);
  if (found != owners_.end() && found->second == owner) owners_.erase(found);
}

std::string NumberPool::ownerOf(uint64_t number) const {
  auto found = owners_.find(number);
  return found == owners_.end() ? std::string() : found->second;
}

}  // namespace coxswain::apiserver
