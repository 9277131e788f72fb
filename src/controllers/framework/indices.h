#pragma once

#include <string>

#include "client/informer.h"

namespace coxswain::controllers {

/// byIndex(kByController, uid): objects that this owner controls. byIndex(kByController,
/// orphansOf(ns)): those of a namespace that nobody controls.
inline constexpr const char* kByController = "controller";
std::string orphansOf(const std::string& ns);
void addControllerIndex(client::Informer& informer);

/// byIndex(kByNamespace, ns).
inline constexpr const char* kByNamespace = "namespace";
void addNamespaceIndex(client::Informer& informer);

/// Pods: byIndex(kByNode, name).
inline constexpr const char* kByNode = "node";
void addNodeIndex(client::Informer& pods);

/// Pods: byIndex(kByClaim, "namespace/name") are those with a volume of this claim.
inline constexpr const char* kByClaim = "claim";
void addClaimIndex(client::Informer& pods);

}  // namespace coxswain::controllers
