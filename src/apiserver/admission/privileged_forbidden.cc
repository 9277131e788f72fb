#include "api/gen/core_v1.h"
#include "api/names/field_error.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/templates.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

void check(const PodSpec& spec, const api::FieldPath& path, api::FieldErrors& errors) {
  auto one = [&errors](const SecurityContext* security, const api::FieldPath& at) {
    if (!security || !security->privileged.value_or(false)) return;
    errors.forbidden(at.child("securityContext").child("privileged"),
                     "disallowed by cluster policy");
  };
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    one(spec.containers[i].securityContext.get(), path.child("containers").index(i));
  }
  for (size_t i = 0; i < spec.initContainers.size(); ++i) {
    one(spec.initContainers[i].securityContext.get(), path.child("initContainers").index(i));
  }
  for (size_t i = 0; i < spec.ephemeralContainers.size(); ++i) {
    one(spec.ephemeralContainers[i].ephemeralContainerCommon.securityContext.get(),
        path.child("ephemeralContainers").index(i));
  }
}

void checkTemplate(const std::string& resource, const PodSpec& spec, api::FieldErrors& errors) {
  if (resource == "podtemplates")
    return check(spec, api::FieldPath("template").child("spec"), errors);
  const api::FieldPath root("spec");
  if (resource != "cronjobs") return check(spec, root.child("template").child("spec"), errors);
  check(spec, root.child("jobTemplate").child("spec").child("template").child("spec"), errors);
}

/// --allow-privileged=false: no container is privileged, in pods or in what makes pods.
class PrivilegedForbidden final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "PrivilegedForbidden"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (kind != WriteKind::Create && kind != WriteKind::Update) return false;
    const auto& info = request.info;
    if (info.group.empty() && info.resource == "pods") {
      return info.subresource.empty() || info.subresource == "ephemeralcontainers";
    }
    return info.subresource.empty() && makesPods(info);
  }
  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    api::FieldErrors errors;
    if (const auto* pod = object->as<Pod>()) {
      check(pod->spec, api::FieldPath("spec"), errors);
    } else if (const auto* made = podTemplateOf(*object)) {
      checkTemplate(request.info.resource, made->spec, errors);
    }
    if (errors.empty()) return {};
    const auto& collection = request.registry->collection();
    return errors.toStatus(collection.kind, api::objectMeta(*object)->name);
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePrivilegedForbidden() {
  return std::make_unique<PrivilegedForbidden>();
}

}  // namespace coxswain::apiserver
