#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Service;

/// Services get no external addresses that they do not have already: with them anybody could take
/// over anybody's traffic.
class DenyServiceExternalIps final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "DenyServiceExternalIPs"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "services");
  }
  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& wanted = object->as<Service>()->spec.externalIPs;
    static const std::vector<std::string> kNone;
    const auto& had = old ? old->as<Service>()->spec.externalIPs : kNone;
    const bool known = std::all_of(wanted.begin(), wanted.end(), [&had](const std::string& one) {
      return std::find(had.begin(), had.end(), one) != had.end();
    });
    if (known) return {};
    return refuse(request, object, "Use of external IPs is denied by admission control.");
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeDenyServiceExternalIps() {
  return std::make_unique<DenyServiceExternalIps>();
}

}  // namespace coxswain::apiserver
