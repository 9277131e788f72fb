#include "apiserver/generic/owner_references.h"

#include <set>
#include <tuple>

#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {

namespace {
/// A body may name very many.
struct ByWords {
  using Owner = api::meta::v1::OwnerReference;
  static auto words(const Owner& owner) {
    return std::tie(owner.uid, owner.name, owner.kind, owner.apiVersion, owner.controller,
                    owner.blockOwnerDeletion);
  }
  bool operator()(const Owner* a, const Owner* b) const { return words(*a) < words(*b); }
};
}  // namespace

void dropRepeatedOwners(api::meta::v1::ObjectMeta& meta, OwnersSeen when,
                        std::vector<std::string>& warnings) {
  auto& owners = meta.ownerReferences;
  if (owners.size() < 2) return;
  std::string repeated;
  size_t kept = 0;
  std::set<const ByWords::Owner*, ByWords> seen;
  for (size_t i = 0; i < owners.size(); ++i) {
    if (seen.contains(&owners[i])) {
      repeated.append(repeated.empty() ? "" : ", ").append(owners[i].uid);
      continue;
    }
    if (kept != i) owners[kept] = std::move(owners[i]);
    seen.insert(&owners[kept++]);
  }
  if (kept == owners.size()) return;
  owners.resize(kept);
  warnings.push_back(
      std::string(".metadata.ownerReferences contains duplicate entries") +
      (when == OwnersSeen::AfterAdmission ? " after mutating admission happens" : "") +
      "; API server dedups owner references in 1.20+, and may reject such requests as early as "
      "1.24; please fix your requests; duplicate UID(s) observed: " +
      repeated);
}

}  // namespace coxswain::apiserver
