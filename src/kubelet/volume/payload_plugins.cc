#include "kubelet/volume/payload_plugins.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "kubelet/volume/payloads.h"

namespace coxswain::kubelet {

using api::core::v1::Volume;

namespace {
constexpr int32_t kDefaultMode = 0644;
}

bool ConfigMapPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.configMap.has_value();
}

Task<Result<VolumeReady>> ConfigMapPlugin::setUp(VolumeRequest request, std::stop_token stop) {
  const auto& source = *request.volume->volumeSource.configMap;
  const bool optional = source.optional.value_or(false);
  auto map = co_await host_.objects.configMap(request.pod->metadata.namespace_,
                                              source.localObjectReference.name, stop);
  Payload payload;
  if (map.ok()) {
    CO_TRY_STATUS(addConfigMapPayload(
        **map, source.items, source.defaultMode.value_or(kDefaultMode), optional, payload));
  } else if (!optional || !isNotFound(map.status())) {
    co_return map.status();
  }
  CO_TRY(const auto folder, makeVolumeDir(host_, request, *this, 0777));
  co_return projectPayload(host_, request, folder, payload);
}

bool SecretPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.secret.has_value();
}

Task<Result<VolumeReady>> SecretPlugin::setUp(VolumeRequest request, std::stop_token stop) {
  const auto& source = *request.volume->volumeSource.secret;
  const bool optional = source.optional.value_or(false);
  auto secret =
      co_await host_.objects.secret(request.pod->metadata.namespace_, source.secretName, stop);
  Payload payload;
  if (secret.ok()) {
    CO_TRY_STATUS(addSecretPayload(**secret, source.items,
                                   source.defaultMode.value_or(kDefaultMode), optional, payload));
  } else if (!optional || !isNotFound(secret.status())) {
    co_return secret.status();
  }
  CO_TRY(const auto folder, makeVolumeDir(host_, request, *this, 0777));
  CO_TRY_STATUS(ensureTmpfs(host_, folder, 0));
  co_return projectPayload(host_, request, folder, payload);
}

bool DownwardApiPlugin::handles(const Volume& volume) const {
  return volume.volumeSource.downwardAPI.has_value();
}

Task<Result<VolumeReady>> DownwardApiPlugin::setUp(VolumeRequest request, std::stop_token) {
  const auto& source = *request.volume->volumeSource.downwardAPI;
  Payload payload;
  CO_TRY_STATUS(addDownwardPayload(*request.pod, source.items,
                                   source.defaultMode.value_or(kDefaultMode), request.facts,
                                   payload));
  CO_TRY(const auto folder, makeVolumeDir(host_, request, *this, 0777));
  CO_TRY_STATUS(ensureTmpfs(host_, folder, 0));
  co_return projectPayload(host_, request, folder, payload);
}

}  // namespace coxswain::kubelet
