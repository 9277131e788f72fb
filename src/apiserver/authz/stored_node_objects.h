#pragma once

#include "apiserver/authz/node_authorizer.h"
#include "apiserver/generic/generic_registry.h"

namespace coxswain::apiserver {

/// Answers the node authorizer from the stored pods and claims. The registries outlive it.
class StoredNodeObjects final : public NodeObjects {
 public:
  StoredNodeObjects(const GenericRegistry& pods, const GenericRegistry& claims)
      : pods_(pods), claims_(claims) {}

  [[nodiscard]] bool podOnNode(std::string_view node, std::string_view ns,
                               std::string_view pod) const override;
  [[nodiscard]] bool referenced(std::string_view node, ReferencedKind kind, std::string_view ns,
                                std::string_view name) const override;
  [[nodiscard]] bool volumeUsed(std::string_view node, std::string_view volume) const override;

 private:
  /// `ns` empty: of all namespaces.
  [[nodiscard]] std::vector<api::ConstObject> podsOf(std::string_view node,
                                                     std::string_view ns) const;
  const GenericRegistry& pods_;
  const GenericRegistry& claims_;
};

}  // namespace coxswain::apiserver
