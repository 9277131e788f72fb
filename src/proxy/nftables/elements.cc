#include "proxy/nftables/elements.h"

#include <algorithm>

namespace coxswain::proxy::nftables {

void ElementStore::put(const std::string& owner, std::vector<Element> elements) {
  auto found = owners_.find(owner);
  if (found == owners_.end()) {
    if (elements.empty()) return;
    found = owners_.try_emplace(owner).first;
  }
  if (found->second == elements) return;
  for (const auto& element : found->second) unclaim(&found->first, element);
  found->second = std::move(elements);
  for (const auto& element : found->second) claim(&found->first, element);
  if (found->second.empty()) owners_.erase(found);
}

void ElementStore::touch(const Element& element) {
  KeyOf key{element.set, element.key};
  if (!before_.contains(key)) before_.emplace(key, valueOf(element.set, element.key));
}

void ElementStore::claim(const std::string* owner, const Element& element) {
  touch(element);
  auto& claims = sets_[static_cast<size_t>(element.set)][element.key];
  auto where = std::lower_bound(claims.begin(), claims.end(), *owner,
                                [](const Claim& c, const std::string& o) { return *c.owner < o; });
  claims.insert(where, Claim{owner, element.value});
}

void ElementStore::unclaim(const std::string* owner, const Element& element) {
  touch(element);
  auto& set = sets_[static_cast<size_t>(element.set)];
  auto found = set.find(element.key);
  if (found == set.end()) return;
  auto& claims = found->second;
  auto where =
      std::find_if(claims.begin(), claims.end(), [&](const Claim& c) { return c.owner == owner; });
  if (where != claims.end()) claims.erase(where);
  if (claims.empty()) set.erase(found);
}

std::optional<std::string> ElementStore::valueOf(SetId set, const std::string& key) const {
  const auto& elements = sets_[static_cast<size_t>(set)];
  auto found = elements.find(key);
  if (found == elements.end()) return std::nullopt;
  return found->second.front().value;
}

ElementStore::Changes ElementStore::changes() const {
  Changes out;
  for (const auto& [key, before] : before_) {
    auto after = valueOf(key.set, key.key);
    if (before == after) continue;
    if (before) out.removed.push_back({key.set, key.key, *before});
    if (after) out.added.push_back({key.set, key.key, std::move(*after)});
  }
  return out;
}

std::vector<Element> ElementStore::all() const {
  std::vector<Element> out;
  for (size_t set = 0; set < kSetCount; ++set) {
    const auto first = out.size();
    for (const auto& [key, claims] : sets_[set])
      out.push_back({static_cast<SetId>(set), key, claims.front().value});
    std::sort(out.begin() + static_cast<ptrdiff_t>(first), out.end(),
              [](const Element& a, const Element& b) { return a.key < b.key; });
  }
  return out;
}

size_t ElementStore::size() const {
  size_t count = 0;
  for (const auto& set : sets_) count += set.size();
  return count;
}

}  // namespace coxswain::proxy::nftables
