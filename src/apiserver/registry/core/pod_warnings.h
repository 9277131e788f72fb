#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/names/field_path.h"

namespace coxswain::api::core::v1 {
struct PersistentVolumeClaimSpec;
struct Pod;
struct PodTemplateSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

// What clients are warned of in pods and templates, in upstream's texts and order: what is
// deprecated or has no effect, and what is allowed but surely not meant. Any thread; where there is
// nothing to warn of nothing is allocated.

void warnOfPod(const api::core::v1::Pod& pod, std::vector<std::string>& out);
/// `path`: "spec.template".
void warnOfPodTemplate(const api::core::v1::PodTemplateSpec& podTemplate,
                       const api::FieldPath& path, std::vector<std::string>& out);
void warnOfClaimSpec(const api::core::v1::PersistentVolumeClaimSpec& spec,
                     const api::FieldPath& path, std::vector<std::string>& out);

/// "metadata.name: this is used in Pod names and hostnames, ...": of kinds that make pods.
void warnOfPodMakersName(std::string_view name, std::vector<std::string>& out);

}  // namespace coxswain::apiserver
