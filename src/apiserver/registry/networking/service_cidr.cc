#include "api/gen/meta_v1.h"
#include "api/gen/networking_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::networking::v1::ServiceCIDR;
using api::networking::v1::ServiceCIDRSpec;

namespace {

/// The spec as upstream's internal type prints it.
api::FieldValue shown(const ServiceCIDRSpec& spec) {
  return api::FieldValue::json("{\"CIDRs\":" + api::FieldValue(spec.cidrs).text() + "}");
}

class ServiceCidrStrategy final : public TypedStrategy<ServiceCIDR> {
 public:
  // Metadata does not change by /status, either.
  ServiceCidrStrategy() : TypedStrategy(StrategyTraits{.statusResets = {".spec", ".metadata"}}) {}

 protected:
  void check(const ServiceCIDR& object, FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("cidrs");
    const auto& cidrs = object.spec.cidrs;
    if (cidrs.empty()) return errors.required(path, "at least one CIDR required");
    if (cidrs.size() > 2) {
      return errors.invalid(path, shown(object.spec), "may only hold up to 2 values");
    }
    for (size_t i = 0; i < cidrs.size(); ++i) {
      errors.invalidEach(path.index(i), cidrs[i], api::validateCidr(cidrs[i]));
    }
    if (cidrs.size() < 2) return;
    const auto first = api::parseCidr(cidrs[0]);
    const auto second = api::parseCidr(cidrs[1]);
    if (first && second && first->address.v6 == second->address.v6) {
      errors.invalid(path, cidrs,
                     "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
                     "2001:db8::/64");
    }
  }
  void checkUpdate(const ServiceCIDR& next, const ServiceCIDR& current,
                   FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("cidrs");
    const auto& now = next.spec.cidrs;
    const auto& before = current.spec.cidrs;
    // A cluster of one family may become one of two.
    const bool grows = before.size() == 1 && now.size() == 2;
    if (!grows && now.size() != before.size()) {
      return errors.invalid(path, now, kImmutableText);
    }
    for (size_t i = 0; i < before.size(); ++i) {
      if (now[i] != before[i]) errors.invalid(path.index(i), now[i], kImmutableText);
    }
    if (grows) check(next, errors);
  }
  void beforeStatusUpdate(ServiceCIDR& next, const ServiceCIDR& current) const override {
    keepMetadata(next.metadata, current.metadata);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeServiceCidrStrategy() {
  return std::make_unique<ServiceCidrStrategy>();
}

}  // namespace coxswain::apiserver
