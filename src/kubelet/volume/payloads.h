#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/env/environment.h"
#include "kubelet/volume/atomic_writer.h"

namespace coxswain::api::core::v1 {
struct ConfigMap;
struct DownwardAPIVolumeFile;
struct KeyToPath;
struct Secret;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

/// What a volume shows of a config map: all keys, or `items` of them. "configmap references
/// non-existent config key: k" unless `optional`.
Status addConfigMapPayload(const api::core::v1::ConfigMap& map,
                           const std::vector<api::core::v1::KeyToPath>& items, int32_t defaultMode,
                           bool optional, Payload& payload);
/// "references non-existent secret key: k".
Status addSecretPayload(const api::core::v1::Secret& secret,
                        const std::vector<api::core::v1::KeyToPath>& items, int32_t defaultMode,
                        bool optional, Payload& payload);
Status addDownwardPayload(const api::core::v1::Pod& pod,
                          const std::vector<api::core::v1::DownwardAPIVolumeFile>& items,
                          int32_t defaultMode, const EnvironmentFacts& facts, Payload& payload);

/// The user of all containers where they have the same one: owner of token files.
std::optional<int64_t> commonUser(const api::core::v1::Pod& pod);

}  // namespace coxswain::kubelet
