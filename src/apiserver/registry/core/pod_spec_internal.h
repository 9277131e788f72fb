#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"

// What the rules of pod specs share with each other. Not for other kinds.

namespace coxswain::apiserver::pods {

/// On pods that a node made from its own files.
inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

/// What containers are checked against. `volumes`: those of the spec that are valid in themselves;
/// others count as not there.
struct ContainerScope {
  const api::core::v1::PodSpec& spec;
  const PodSpecContext& context;
  std::vector<const api::core::v1::Volume*> volumes;  ///< the valid ones, by name
  std::vector<std::string_view> claims;               ///< of the spec, by name
};

/// The same as validateVolumes. Gives the valid ones. `pod`: its metadata where it is known.
std::vector<const api::core::v1::Volume*> checkVolumes(
    const std::vector<api::core::v1::Volume>& volumes, bool isTemplate, const api::FieldPath& path,
    api::FieldErrors& errors, const api::meta::v1::ObjectMeta* pod = nullptr);

/// Relative, without "..".
void checkDescendingPath(std::string_view value, const api::FieldPath& path,
                         api::FieldErrors& errors);
void checkNoBacksteps(std::string_view value, const api::FieldPath& path, api::FieldErrors& errors);
/// Some element of the path is "..".
bool hasBacksteps(std::string_view value);
/// An image has no space around it, where it is not a template's.
void checkImageText(std::string_view image, const api::FieldPath& path, api::FieldErrors& errors);

/// A field of the pod for the environment or a downward API file.
void checkFieldRef(const api::core::v1::ObjectFieldSelector& ref,
                   std::initializer_list<std::string_view> known, const api::FieldPath& path,
                   api::FieldErrors& errors);
void checkResourceFieldRef(const api::core::v1::ResourceFieldSelector& ref, bool needsContainer,
                           const api::FieldPath& path, api::FieldErrors& errors);

void checkSeccomp(const api::core::v1::SeccompProfile& profile, const api::FieldPath& path,
                  api::FieldErrors& errors);
void checkAppArmor(const api::core::v1::AppArmorProfile& profile, const api::FieldPath& path,
                   api::FieldErrors& errors);
void checkSecurityContext(const api::core::v1::SecurityContext& context, bool hostUsers,
                          const api::FieldPath& path, api::FieldErrors& errors);
void checkPodSecurityContext(const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                             api::FieldErrors& errors);
void checkWindowsOptions(const api::core::v1::WindowsSecurityContextOptions& options,
                         const api::FieldPath& path, api::FieldErrors& errors);
void checkOs(const api::core::v1::PodSpec& spec, const api::FieldPath& path,
             api::FieldErrors& errors);
/// Either all containers run as processes of the host, or none.
void checkHostProcess(const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                      api::FieldErrors& errors);

/// Annotations that mean something for a pod. `path`: of the annotations.
void checkPodAnnotations(const api::Map<std::string>& annotations,
                         const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                         api::FieldErrors& errors);
/// The same, and those that an update may not change.
void checkAnnotationsUpdate(const api::core::v1::Pod& next, const api::core::v1::Pod& current,
                            api::FieldErrors& errors);
/// Old annotations of seccomp and AppArmor must say what the fields say. `path`: of the spec.
void checkProfileAnnotations(const api::Map<std::string>& annotations,
                             const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                             api::FieldErrors& errors);

void checkProbe(const api::core::v1::Probe& probe, const api::FieldPath& path,
                api::FieldErrors& errors);
void checkLifecycle(const api::core::v1::Lifecycle& lifecycle, const api::core::v1::PodSpec& spec,
                    const api::FieldPath& path, api::FieldErrors& errors);

/// containers, initContainers and ephemeralContainers of the spec.
void checkContainers(const ContainerScope& scope, const api::FieldPath& path,
                     api::FieldErrors& errors);
/// ephemeralContainers alone.
void checkEphemeralContainers(const ContainerScope& scope, const api::FieldPath& path,
                              api::FieldErrors& errors);
void checkTopologySpread(const std::vector<api::core::v1::TopologySpreadConstraint>& constraints,
                         const api::FieldPath& path, api::FieldErrors& errors);
void checkPodLevelResources(const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                            api::FieldErrors& errors);

/// All rules of a pod, without those of a creation or of an update.
void checkPod(const api::core::v1::Pod& pod, api::FieldErrors& errors);
/// With those of a creation.
void checkNewPod(const api::core::v1::Pod& pod, api::FieldErrors& errors);
void checkPodUpdate(const api::core::v1::Pod& next, const api::core::v1::Pod& current,
                    api::FieldErrors& errors);
void checkEphemeralContainersUpdate(const api::core::v1::Pod& next,
                                    const api::core::v1::Pod& current, api::FieldErrors& errors);
void checkResize(const api::core::v1::Pod& next, const api::core::v1::Pod& current,
                 api::FieldErrors& errors);
void checkPodStatusUpdate(const api::core::v1::Pod& next, const api::core::v1::Pod& current,
                          api::FieldErrors& errors);

}  // namespace coxswain::apiserver::pods
