#include "controllers/framework/collections.h"

#include <set>
#include <string_view>
#include <utility>

#include "client/resources.h"

namespace coxswain::controllers {

static std::vector<const client::ResourceType*> findCollections() {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  const auto& pods = client::resourceOf<api::core::v1::Pod>();
  std::vector<const client::ResourceType*> kinds{&pods};
  seen.emplace(pods.group, pods.plural);
  for (const auto& type : client::allResources()) {
    // Events are in core too; reviews and bindings are answered, not stored.
    const bool posted = type.plural == "bindings" || type.group == "authentication.k8s.io" ||
                        type.group == "authorization.k8s.io";
    if (posted || type.group == "events.k8s.io") continue;
    if (seen.emplace(type.group, type.plural).second) kinds.push_back(&type);
  }
  return kinds;
}

const std::vector<const client::ResourceType*>& storedCollections() {
  static const auto kinds = findCollections();
  return kinds;
}

}  // namespace coxswain::controllers
