#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

// What the kinds that run pods from a template share. Internal to apps/ and
// core/replication_controller.cc.

/// "activeDeadlineSeconds in `kind` is not Supported", and restartPolicy Always. `path`: of the
/// template.
void checkLongRunningTemplate(const api::core::v1::PodTemplateSpec& podTemplate,
                              std::string_view kind, const api::FieldPath& path,
                              api::FieldErrors& errors);

/// The template of a kind with metav1.LabelSelector: selector, labels, pod spec. `path`: of spec.
/// `emptyText` tells of a selector without conditions. Without `wholeTemplate` the template's spec
/// is left alone.
void checkSelectorAndTemplate(const api::Box<api::meta::v1::LabelSelector>& selector,
                              const api::core::v1::PodTemplateSpec& podTemplate,
                              std::string_view emptyText, std::string_view kind,
                              const api::FieldPath& path, api::FieldErrors& errors,
                              bool wholeTemplate = true);

/// A box that may be empty, compared semantically: "field is immutable".
void checkSelectorUnchanged(const api::Box<api::meta::v1::LabelSelector>& next,
                            const api::Box<api::meta::v1::LabelSelector>& current,
                            api::FieldErrors& errors);

/// `value` is at most `limit`: "cannot be greater than <what>".
inline void checkAtMost(int64_t value, int64_t limit, std::string_view what,
                        const api::FieldPath& path, api::FieldErrors& errors) {
  if (value > limit) errors.invalid(path, value, "cannot be greater than " + std::string(what));
}

inline void checkNonNegative(const std::optional<int32_t>& value, const api::FieldPath& path,
                             api::FieldErrors& errors) {
  if (value) checkNonNegative(int64_t{*value}, path, errors);
}

/// What the statuses of ReplicaSet and ReplicationController have in common.
template <typename ReplicaStatus>
void checkReplicaStatus(const ReplicaStatus& status, api::FieldErrors& errors) {
  const api::FieldPath path("status");
  checkNonNegative(status.replicas, path.child("replicas"), errors);
  checkNonNegative(status.fullyLabeledReplicas, path.child("fullyLabeledReplicas"), errors);
  checkNonNegative(status.readyReplicas, path.child("readyReplicas"), errors);
  checkNonNegative(status.availableReplicas, path.child("availableReplicas"), errors);
  if constexpr (requires { status.terminatingReplicas; }) {
    checkNonNegative(status.terminatingReplicas, path.child("terminatingReplicas"), errors);
  }
  checkNonNegative(status.observedGeneration, path.child("observedGeneration"), errors);
  constexpr std::string_view kReplicas = "status.replicas";
  const auto available = path.child("availableReplicas");
  checkAtMost(status.fullyLabeledReplicas, status.replicas, kReplicas,
              path.child("fullyLabeledReplicas"), errors);
  checkAtMost(status.readyReplicas, status.replicas, kReplicas, path.child("readyReplicas"),
              errors);
  checkAtMost(status.availableReplicas, status.replicas, kReplicas, available, errors);
  checkAtMost(status.availableReplicas, status.readyReplicas, "readyReplicas", available, errors);
}

void checkNotDecremented(const std::optional<int32_t>& next, const std::optional<int32_t>& current,
                         const api::FieldPath& path, api::FieldErrors& errors);

/// {"Type":"X","RollingUpdate":null}: an update strategy of unknown type, as upstream shows it.
api::FieldValue unknownStrategy(std::string_view type);

/// An empty IntOrString stands for 0.
const api::IntOrString& valueOrZero(const std::optional<api::IntOrString>& value);

}  // namespace coxswain::apiserver
