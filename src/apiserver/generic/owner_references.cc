#include "apiserver/generic/owner_references.h"

#include <algorithm>

#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {

void dropRepeatedOwners(api::meta::v1::ObjectMeta& meta, OwnersSeen when,
                        std::vector<std::string>& warnings) {
  auto& owners = meta.ownerReferences;
  if (owners.size() < 2) return;
  std::string repeated;
  size_t kept = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    const auto end = owners.begin() + static_cast<std::ptrdiff_t>(kept);
    if (std::find(owners.begin(), end, owners[i]) != end) {
      repeated.append(repeated.empty() ? "" : ", ").append(owners[i].uid);
      continue;
    }
    if (kept != i) owners[kept] = std::move(owners[i]);
    ++kept;
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
