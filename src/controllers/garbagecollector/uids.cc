#include "controllers/garbagecollector/uids.h"

namespace coxswain::controllers::garbagecollector {

std::optional<Uid> Uid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uid uid;
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return std::nullopt;
      continue;
    }
    uint64_t value = 0;
    if (c >= '0' && c <= '9') {
      value = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = static_cast<uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    auto& half = uid.bits[digits < 16 ? 0 : 1];
    half = half << 4 | value;
    ++digits;
  }
  return uid;
}

void AbsentOwners::remember(std::string_view text) {
  auto uid = Uid::parse(text);
  if (!uid || !all_.insert(*uid).second) return;
  order_.push_back(*uid);
  if (order_.size() <= kMax) return;
  all_.erase(order_.front());
  order_.pop_front();
}

}  // namespace coxswain::controllers::garbagecollector
