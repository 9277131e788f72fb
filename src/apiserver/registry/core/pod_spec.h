#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/names/field_error.h"
#include "api/names/field_path.h"
#include "api/reflect/map.h"

namespace coxswain::api {
class Quantity;
namespace core::v1 {
struct Affinity;
struct NodeSelector;
struct NodeSelectorTerm;
struct Pod;
struct PodSpec;
struct PodTemplateSpec;
struct Probe;
struct ResourceRequirements;
struct Toleration;
struct Volume;
}  // namespace core::v1
namespace meta::v1 {
struct LabelSelector;
struct ObjectMeta;
}  // namespace meta::v1
}  // namespace coxswain::api

namespace coxswain::apiserver {

class Strategy;

// Defaults and rules of pod specs, for pods and for every kind with a template. Thread-safe.

/// defaults.tsv of PodSpec and all below it. Idempotent.
void setPodSpecDefaults(api::core::v1::PodSpec& spec);
/// The same for a template: what only pods get (requests from limits) stays absent.
void setPodTemplateDefaults(api::core::v1::PodTemplateSpec& podTemplate);

struct PodSpecContext {
  /// A template: names of the pod are not known, images may be left to be filled in.
  bool isTemplate = false;
  /// The object's metadata where there is one.
  const api::meta::v1::ObjectMeta* metadata = nullptr;
};

/// Labels, annotations and spec; `path` is that of the template ("spec.template").
void validatePodTemplate(const api::core::v1::PodTemplateSpec& podTemplate,
                         const api::FieldPath& path, api::FieldErrors& errors);
/// Its labels and annotations alone.
void validatePodTemplateMetadata(const api::core::v1::PodTemplateSpec& podTemplate,
                                 const api::FieldPath& path, api::FieldErrors& errors);
void validatePodSpec(const api::core::v1::PodSpec& spec, const api::FieldPath& path,
                     api::FieldErrors& errors, const PodSpecContext& context = {});

/// Limits and requests of a container, or with `ofPod` of a pod as a whole. `claims`: names in
/// spec.resourceClaims, sorted.
void validateResourceRequirements(const api::core::v1::ResourceRequirements& resources,
                                  const std::vector<std::string_view>& claims,
                                  const api::FieldPath& path, api::FieldErrors& errors,
                                  bool ofPod = false);
/// A resource's name and amount in any list (overhead, node capacity): name rule, not negative,
/// whole where the resource is not divisible.
void validateResourceQuantity(std::string_view resource, const api::Quantity& quantity,
                              const api::FieldPath& path, api::FieldErrors& errors);
void validateVolumes(const std::vector<api::core::v1::Volume>& volumes, bool isTemplate,
                     const api::FieldPath& path, api::FieldErrors& errors);
void validateTolerations(const std::vector<api::core::v1::Toleration>& tolerations,
                         const api::FieldPath& path, api::FieldErrors& errors);
void validateAffinity(const api::core::v1::Affinity& affinity, const api::FieldPath& path,
                      api::FieldErrors& errors);
void validateNodeSelector(const api::core::v1::NodeSelector& selector, const api::FieldPath& path,
                          api::FieldErrors& errors);
/// `anyValue`: values that no label can have are taken, as in preferences.
void validateNodeSelectorTerm(const api::core::v1::NodeSelectorTerm& term,
                              const api::FieldPath& path, api::FieldErrors& errors,
                              bool anyValue = false);
/// The value of a taint or toleration: what is wrong with it comes as one error.
void checkTaintValue(std::string_view value, const api::FieldPath& path, api::FieldErrors& errors);
/// metav1.LabelSelector: operators, number of values, keys and values.
void validateLabelSelector(const api::meta::v1::LabelSelector& selector, const api::FieldPath& path,
                           api::FieldErrors& errors);
/// A map of labels or node selectors: each key and value.
void validateLabels(const api::Map<std::string>& labels, const api::FieldPath& path,
                    api::FieldErrors& errors);
/// Keys (any case), and 256 KiB in all.
void validateAnnotations(const api::Map<std::string>& annotations, const api::FieldPath& path,
                         api::FieldErrors& errors);

/// Metadata of what another object is made from (claims of pods): labels and annotations, and
/// nothing else.
void validateTemplateMetadata(const api::meta::v1::ObjectMeta& metadata, const api::FieldPath& path,
                              api::FieldErrors& errors);

std::unique_ptr<Strategy> makePodStrategy();
/// Updates through /ephemeralcontainers and /resize, which change those fields alone.
std::unique_ptr<Strategy> makePodEphemeralContainersStrategy();
std::unique_ptr<Strategy> makePodResizeStrategy();
std::unique_ptr<Strategy> makePodTemplateStrategy();

}  // namespace coxswain::apiserver
