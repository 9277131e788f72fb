#include "controllers/framework/indices.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"

namespace coxswain::controllers {

std::string orphansOf(const std::string& ns) {
  return "orphans/" + ns;
}

static std::vector<std::string> controllerValues(const api::ConstObject& object) {
  const auto& meta = *api::objectMeta(object);
  const auto* controller = api::controllerOf(meta);
  return {controller ? controller->uid : orphansOf(meta.namespace_)};
}

static std::vector<std::string> namespaceValues(const api::ConstObject& object) {
  return {api::objectMeta(object)->namespace_};
}

static std::vector<std::string> nodeValues(const api::ConstObject& object) {
  const auto* pod = object.as<api::core::v1::Pod>();
  if (pod == nullptr || pod->spec.nodeName.empty()) return {};
  return {pod->spec.nodeName};
}

static std::vector<std::string> claimValues(const api::ConstObject& object) {
  const auto* pod = object.as<api::core::v1::Pod>();
  return pod == nullptr ? std::vector<std::string>() : api::claimKeysOf(*pod);
}

void addControllerIndex(client::Informer& informer) {
  informer.addIndex(kByController, controllerValues);
}
void addNamespaceIndex(client::Informer& informer) {
  informer.addIndex(kByNamespace, namespaceValues);
}
void addNodeIndex(client::Informer& pods) {
  pods.addIndex(kByNode, nodeValues);
}
void addClaimIndex(client::Informer& pods) {
  pods.addIndex(kByClaim, claimValues);
}

}  // namespace coxswain::controllers
