#include "api/gen/core_v1.h"
#include "api/names/field_error.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr const char* kAlways = "Always";

template <typename Spec, typename F>
void eachPolicy(Spec& spec, const F& f) {
  const api::FieldPath path("spec");
  auto each = [&](auto& list, const char* field) {
    for (size_t i = 0; i < list.size(); ++i) f(list[i], path.child(field).index(i));
  };
  each(spec.initContainers, "initContainers");
  each(spec.containers, "containers");
  const auto ephemeral = path.child("ephemeralContainers");
  for (size_t i = 0; i < spec.ephemeralContainers.size(); ++i) {
    f(spec.ephemeralContainers[i].ephemeralContainerCommon, ephemeral.index(i));
  }
}

/// Images are pulled for every start, so that nobody runs an image that he could not pull, because
/// somebody else has.
class AlwaysPullImages final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "AlwaysPullImages"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (kind != WriteKind::Create && kind != WriteKind::Update) return false;
    if (!info.group.empty() || info.resource != "pods") return false;
    return info.subresource.empty() || info.subresource == "ephemeralcontainers";
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& spec = object->as<Pod>()->spec;
    // What runs is not pulled anew because its pod gets a label.
    if (old && !imagesChanged(spec, old->as<Pod>()->spec)) return {};
    eachPolicy(spec, [](auto& container, const api::FieldPath& path) {
      container.imagePullPolicy = kAlways;
    });
    for (auto& volume : spec.volumes) {
      if (volume.volumeSource.image) volume.volumeSource.image->pullPolicy = kAlways;
    }
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& spec = object->as<Pod>()->spec;
    if (old && !imagesChanged(spec, old->as<Pod>()->spec)) return {};
    api::FieldErrors errors;
    eachPolicy(spec, [&errors](const auto& container, const api::FieldPath& path) {
      if (container.imagePullPolicy == kAlways) return;
      errors.notSupported(path.child("imagePullPolicy"), container.imagePullPolicy, {kAlways});
    });
    return errors.empty() ? Status() : refuse(request, object, errors.str());
  }

 private:
  static bool imagesChanged(const PodSpec& next, const PodSpec& old) {
    auto images = [](const PodSpec& spec) {
      std::vector<std::string_view> out;
      eachPolicy(spec, [&out](const auto& container, const api::FieldPath& path) {
        out.push_back(container.name);
        out.push_back(container.image);
      });
      return out;
    };
    return images(next) != images(old);
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeAlwaysPullImages() {
  return std::make_unique<AlwaysPullImages>();
}

}  // namespace coxswain::apiserver
