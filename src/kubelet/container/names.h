#pragma once

#include <string>
#include <string_view>

/// Names that containers and sandboxes carry in the runtime, by which a later kubelet knows them.
/// Upstream: pkg/kubelet/types/labels.go, kuberuntime/labels.go.
namespace coxswain::kubelet {

inline constexpr std::string_view kPodNameLabel = "io.kubernetes.pod.name";
inline constexpr std::string_view kPodNamespaceLabel = "io.kubernetes.pod.namespace";
inline constexpr std::string_view kPodUidLabel = "io.kubernetes.pod.uid";
inline constexpr std::string_view kContainerNameLabel = "io.kubernetes.container.name";

inline constexpr std::string_view kContainerHash = "io.kubernetes.container.hash";
inline constexpr std::string_view kContainerRestartCount = "io.kubernetes.container.restartCount";
inline constexpr std::string_view kTerminationMessagePath =
    "io.kubernetes.container.terminationMessagePath";
inline constexpr std::string_view kTerminationMessagePolicy =
    "io.kubernetes.container.terminationMessagePolicy";
inline constexpr std::string_view kPreStopHandler = "io.kubernetes.container.preStopHandler";
inline constexpr std::string_view kContainerPorts = "io.kubernetes.container.ports";
inline constexpr std::string_view kPodTerminationGracePeriod =
    "io.kubernetes.pod.terminationGracePeriod";
inline constexpr std::string_view kPodDeletionGracePeriod = "io.kubernetes.pod.deletionGracePeriod";

}  // namespace coxswain::kubelet
