#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

/// Nodes with special devices are tainted by the devices' names; pods that ask for such a device
/// tolerate its taint.
class ExtendedResourceToleration final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "ExtendedResourceToleration"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto& spec = object->as<Pod>()->spec;
    std::set<std::string> names;
    auto collect = [&names](const std::vector<Container>& containers) {
      for (const auto& container : containers) {
        for (const auto& [name, amount] : container.resources.requests) {
          if (api::isExtendedResource(name)) names.insert(name);
        }
      }
    };
    collect(spec.containers);
    collect(spec.initContainers);
    for (const auto& name : names) {
      Toleration wanted;
      wanted.key = name;
      wanted.operator_ = "Exists";
      wanted.effect = "NoSchedule";
      auto& have = spec.tolerations;
      if (std::find(have.begin(), have.end(), wanted) == have.end()) have.push_back(wanted);
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeExtendedResourceToleration() {
  return std::make_unique<ExtendedResourceToleration>();
}

}  // namespace coxswain::apiserver
