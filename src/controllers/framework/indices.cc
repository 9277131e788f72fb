#include "controllers/framework/indices.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"

namespace coxswain::controllers {

static constexpr const char* kByOrphanLabel = "orphan label";

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

std::string labelValue(std::string_view ns, std::string_view key, std::string_view value) {
  std::string text;
  text.reserve(ns.size() + key.size() + value.size() + 2);
  text.append(ns).append("|").append(key).append("=").append(value);
  return text;
}

static std::vector<std::string> labelValues(const api::ConstObject& object) {
  const auto& meta = *api::objectMeta(object);
  std::vector<std::string> values;
  values.reserve(meta.labels.size());
  for (const auto& [key, value] : meta.labels) {
    values.push_back(labelValue(meta.namespace_, key, value));
  }
  return values;
}

static std::vector<std::string> orphanLabelValues(const api::ConstObject& object) {
  if (api::controllerOf(*api::objectMeta(object)) != nullptr) return {};
  return labelValues(object);
}

std::vector<api::ConstObject> orphansFor(const client::Informer& informer, const std::string& ns,
                                         const api::meta::v1::LabelSelector* selector) {
  if (selector == nullptr || selector->matchLabels.empty()) {
    return informer.byIndex(kByController, orphansOf(ns));
  }
  std::string rarest;
  size_t fewest = 0;
  for (const auto& [key, value] : selector->matchLabels) {
    auto pair = labelValue(ns, key, value);
    const size_t count = informer.countByIndex(kByOrphanLabel, pair);
    if (!rarest.empty() && count >= fewest) continue;
    fewest = count;
    rarest = std::move(pair);
  }
  return informer.byIndex(kByOrphanLabel, rarest);
}

static std::vector<std::string> selectorValues(const api::ConstObject& object) {
  const auto* service = object.as<api::core::v1::Service>();
  if (service == nullptr || service->spec.selector.empty()) return {};
  const auto& [key, value] = *service->spec.selector.begin();
  return {labelValue(service->metadata.namespace_, key, value)};
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
  informer.addIndex(kByOrphanLabel, orphanLabelValues);
}
void addNamespaceIndex(client::Informer& informer) {
  informer.addIndex(kByNamespace, namespaceValues);
}
void addLabelIndex(client::Informer& informer) {
  informer.addIndex(kByLabel, labelValues);
}
void addSelectorIndex(client::Informer& services) {
  services.addIndex(kBySelector, selectorValues);
}
void addNodeIndex(client::Informer& pods) {
  pods.addIndex(kByNode, nodeValues);
}
void addClaimIndex(client::Informer& pods) {
  pods.addIndex(kByClaim, claimValues);
}

}  // namespace coxswain::controllers
