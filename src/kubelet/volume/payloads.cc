#include "kubelet/volume/payloads.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "kubelet/env/field_ref.h"

namespace coxswain::kubelet {

using api::core::v1::ConfigMap;
using api::core::v1::KeyToPath;
using api::core::v1::Pod;
using api::core::v1::Secret;

namespace {

uint32_t modeOf(const std::optional<int32_t>& mode, int32_t otherwise) {
  return static_cast<uint32_t>(mode.value_or(otherwise)) & 0777;
}

FileProjection file(std::string data, uint32_t mode) {
  return FileProjection{std::move(data), mode, std::nullopt};
}

}  // namespace

Status addConfigMapPayload(const ConfigMap& map, const std::vector<KeyToPath>& items,
                           int32_t defaultMode, bool optional, Payload& payload) {
  const uint32_t mode = modeOf(std::nullopt, defaultMode);
  if (items.empty()) {
    for (const auto& [key, value] : map.data) payload[key] = file(value, mode);
    for (const auto& [key, value] : map.binaryData) payload[key] = file(value.data, mode);
    return {};
  }
  for (const auto& item : items) {
    if (const auto* text = map.data.get(item.key)) {
      payload[item.path] = file(*text, modeOf(item.mode, defaultMode));
    } else if (const auto* bytes = map.binaryData.get(item.key)) {
      payload[item.path] = file(bytes->data, modeOf(item.mode, defaultMode));
    } else if (!optional) {
      return badRequest("configmap references non-existent config key: " + item.key);
    }
  }
  return {};
}

Status addSecretPayload(const Secret& secret, const std::vector<KeyToPath>& items,
                        int32_t defaultMode, bool optional, Payload& payload) {
  if (items.empty()) {
    const uint32_t mode = modeOf(std::nullopt, defaultMode);
    for (const auto& [key, value] : secret.data) payload[key] = file(value.data, mode);
    return {};
  }
  for (const auto& item : items) {
    if (const auto* value = secret.data.get(item.key)) {
      payload[item.path] = file(value->data, modeOf(item.mode, defaultMode));
    } else if (!optional) {
      return badRequest("references non-existent secret key: " + item.key);
    }
  }
  return {};
}

Status addDownwardPayload(const Pod& pod,
                          const std::vector<api::core::v1::DownwardAPIVolumeFile>& items,
                          int32_t defaultMode, const EnvironmentFacts& facts, Payload& payload) {
  for (const auto& item : items) {
    std::string value;
    if (item.fieldRef) {
      TRY(value, podFieldValue(pod, item.fieldRef->fieldPath, facts));
    } else if (item.resourceFieldRef) {
      TRY(value, resourceFieldValue(pod, nullptr, *item.resourceFieldRef, facts));
    }
    payload[item.path] = file(std::move(value), modeOf(item.mode, defaultMode));
  }
  return {};
}

std::optional<int64_t> commonUser(const Pod& pod) {
  const std::optional<int64_t> podUser =
      pod.spec.securityContext ? pod.spec.securityContext->runAsUser : std::nullopt;
  std::optional<int64_t> common;
  bool first = true;
  const auto agrees = [&](const auto& container) {
    const auto& context = container.securityContext;
    const auto user = context && context->runAsUser ? context->runAsUser : podUser;
    if (!user || (!first && common != user)) return false;
    common = user;
    first = false;
    return true;
  };
  for (const auto& c : pod.spec.initContainers) {
    if (!agrees(c)) return std::nullopt;
  }
  for (const auto& c : pod.spec.containers) {
    if (!agrees(c)) return std::nullopt;
  }
  for (const auto& c : pod.spec.ephemeralContainers) {
    if (!agrees(c.ephemeralContainerCommon)) return std::nullopt;
  }
  return common;
}

}  // namespace coxswain::kubelet
