#include "apiserver/registry/apps/workload.h"

#include "api/select/labels.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;

void checkLongRunningTemplate(const api::core::v1::PodTemplateSpec& podTemplate,
                              std::string_view kind, const FieldPath& path, FieldErrors& errors) {
  const auto spec = path.child("spec");
  if (podTemplate.spec.restartPolicy != "Always") {
    errors.notSupported(spec.child("restartPolicy"), podTemplate.spec.restartPolicy, {"Always"});
  }
  if (podTemplate.spec.activeDeadlineSeconds) {
    errors.forbidden(spec.child("activeDeadlineSeconds"),
                     "activeDeadlineSeconds in " + std::string(kind) + " is not Supported");
  }
}

void checkSelectorAndTemplate(const api::Box<api::meta::v1::LabelSelector>& selector,
                              const api::core::v1::PodTemplateSpec& podTemplate,
                              std::string_view emptyText, std::string_view kind,
                              const FieldPath& path, FieldErrors& errors, bool wholeTemplate) {
  const auto at = path.child("selector");
  const auto templatePath = path.child("template");
  if (!selector) {
    errors.required(at);
  } else {
    validateLabelSelector(*selector, at, errors);
    if (selector->matchLabels.empty() && selector->matchExpressions.empty()) {
      errors.invalid(at, asJson(*selector), emptyText);
    }
  }
  const auto compiled = api::LabelSelector::from(selector.get());
  if (!compiled.ok()) {
    errors.invalid(at, asJson(*selector), kind == "StatefulSet" ? "" : "invalid label selector");
    if (kind == "StatefulSet") checkLongRunningTemplate(podTemplate, kind, templatePath, errors);
    return;
  }
  if (!compiled->isEverything() && !compiled->matches(podTemplate.metadata.labels)) {
    errors.invalid(templatePath.child("metadata").child("labels"), podTemplate.metadata.labels,
                   "`selector` does not match template `labels`");
  }
  if (wholeTemplate) {
    validatePodTemplate(podTemplate, templatePath, errors);
  } else {
    validatePodTemplateMetadata(podTemplate, templatePath, errors);
  }
  checkLongRunningTemplate(podTemplate, kind, templatePath, errors);
}

void checkSelectorUnchanged(const api::Box<api::meta::v1::LabelSelector>& next,
                            const api::Box<api::meta::v1::LabelSelector>& current,
                            FieldErrors& errors) {
  const auto path = FieldPath("spec").child("selector");
  if (!next || !current) {
    if (!next != !current) {
      errors.invalid(path, next ? asJson(*next) : api::FieldValue(nullptr), kImmutableText);
    }
    return;
  }
  checkImmutableMessage(*next, *current, path, errors);
}

void checkNotDecremented(const std::optional<int32_t>& next, const std::optional<int32_t>& current,
                         const FieldPath& path, FieldErrors& errors) {
  if (current && (!next || *next < *current)) {
    errors.invalid(path, next.value_or(0), "cannot be decremented");
  }
}

api::FieldValue unknownStrategy(std::string_view type) {
  std::string text = "{\"Type\":";
  api::appendJsonQuoted(text, type);
  return api::FieldValue::json(text + ",\"RollingUpdate\":null}");
}

const api::IntOrString& valueOrZero(const std::optional<api::IntOrString>& value) {
  static const api::IntOrString kZero;
  return value ? *value : kZero;
}

}  // namespace coxswain::apiserver
