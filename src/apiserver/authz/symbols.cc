#include "apiserver/authz/symbols.h"

namespace coxswain::apiserver {

Symbols::Id Symbols::acquire(std::string_view text) {
  if (auto found = ids_.find(text); found != ids_.end()) {
    ++entries_[found->second].users;
    return found->second;
  }
  Id id = 0;
  if (free_.empty()) {
    id = static_cast<Id>(entries_.size());
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  auto& entry = entries_[id];
  entry.text = text;
  entry.users = 1;
  ids_.emplace(entry.text, id);
  return id;
}

void Symbols::release(Id id) {
  auto& entry = entries_[id];
  if (--entry.users > 0) return;
  ids_.erase(entry.text);
  entry.text = std::string();
  free_.push_back(id);
}

Symbols::Id Symbols::find(std::string_view text) const {
  auto found = ids_.find(text);
  return found == ids_.end() ? kNone : found->second;
}

}  // namespace coxswain::apiserver
