#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/informer.h"

namespace coxswain::api::meta::v1 {
struct LabelSelector;
}

namespace coxswain::controllers {

/// byIndex(kByController, uid): objects that this owner controls. byIndex(kByController,
/// orphansOf(ns)): those of a namespace that nobody controls.
inline constexpr const char* kByController = "controller";
std::string orphansOf(const std::string& ns);
void addControllerIndex(client::Informer& informer);
/// Those that nobody controls and that such a selector may match; it still must be asked. Few are
/// looked at where it names a label with its value. The informer has the controller index.
std::vector<api::ConstObject> orphansFor(const client::Informer& informer, const std::string& ns,
                                         const api::meta::v1::LabelSelector* selector);

/// byIndex(kByNamespace, ns).
inline constexpr const char* kByNamespace = "namespace";
void addNamespaceIndex(client::Informer& informer);

/// byIndex(kByLabel, labelValue(ns, key, value)): objects of a namespace with this label.
inline constexpr const char* kByLabel = "label";
std::string labelValue(std::string_view ns, std::string_view key, std::string_view value);
void addLabelIndex(client::Informer& informer);

/// Services: byIndex(kBySelector, labelValue(ns, key, value)) are those whose selector's first pair
/// is this one. So each is found by the labels of a pod that it selects, and once.
inline constexpr const char* kBySelector = "selector";
void addSelectorIndex(client::Informer& services);

/// Pods: byIndex(kByNode, name).
inline constexpr const char* kByNode = "node";
void addNodeIndex(client::Informer& pods);

/// Pods: byIndex(kByClaim, "namespace/name") are those with a volume of this claim.
inline constexpr const char* kByClaim = "claim";
void addClaimIndex(client::Informer& pods);

}  // namespace coxswain::controllers
