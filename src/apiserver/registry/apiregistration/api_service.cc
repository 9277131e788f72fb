#include "api/gen/apiregistration_v1.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apiregistration::v1::APIService;
using api::apiregistration::v1::APIServiceSpec;

namespace {

constexpr int32_t kPort = 443;
constexpr int32_t kGroupPriorityMax = 20000;
constexpr int32_t kVersionPriorityMax = 1000;

void checkName(const APIService& object, FieldErrors& errors) {
  const auto& name = object.metadata.name;
  const auto wanted = object.spec.version + "." + object.spec.group;
  if (name == wanted || !pathSegmentNameRule(name, false).empty()) return;
  errors.invalid(FieldPath("metadata").child("name"), name,
                 "must be `spec.version+\".\"+spec.group`: " + api::goQuote(wanted));
}

void checkGroupVersion(const APIServiceSpec& spec, FieldErrors& errors) {
  const auto path = FieldPath("spec");
  if (spec.group.empty() && spec.version != "v1") {
    errors.required(path.child("group"),
                    "only v1 may have an empty group and it better be legacy kube");
  }
  if (!spec.group.empty()) {
    errors.invalidEach(path.child("group"), spec.group, api::validateDns1123Subdomain(spec.group));
  }
  errors.invalidEach(path.child("version"), spec.version, api::validateDns1035Label(spec.version));
  if (spec.groupPriorityMinimum <= 0 || spec.groupPriorityMinimum > kGroupPriorityMax) {
    errors.invalid(path.child("groupPriorityMinimum"), spec.groupPriorityMinimum,
                   "must be positive and less than 20000");
  }
  if (spec.versionPriority <= 0 || spec.versionPriority > kVersionPriorityMax) {
    errors.invalid(path.child("versionPriority"), spec.versionPriority,
                   "must be positive and less than 1000");
  }
}

void checkLocal(const APIServiceSpec& spec, FieldErrors& errors) {
  const auto path = FieldPath("spec");
  if (!spec.caBundle.empty()) {
    errors.invalid(path.child("caBundle"), std::to_string(spec.caBundle.size()) + " bytes",
                   "local APIServices may not have a caBundle");
  }
  if (spec.insecureSkipTLSVerify) {
    errors.invalid(path.child("insecureSkipTLSVerify"), true,
                   "local APIServices may not have insecureSkipTLSVerify");
  }
}

void checkService(const APIServiceSpec& spec, FieldErrors& errors) {
  const auto path = FieldPath("spec").child("service");
  const auto& service = *spec.service;
  if (service.namespace_.empty()) errors.required(path.child("namespace"));
  if (service.name.empty()) errors.required(path.child("name"));
  const auto port = service.port.value_or(0);
  if (port < 1 || port > 65535) {
    errors.invalid(path.child("port"), port,
                   "port is not valid: must be between 1 and 65535, inclusive");
  }
  if (spec.insecureSkipTLSVerify && !spec.caBundle.empty()) {
    errors.invalid(FieldPath("spec").child("insecureSkipTLSVerify"), true,
                   "may not be true if caBundle is present");
  }
}

class ApiServiceStrategy final : public TypedStrategy<APIService> {
 public:
  ApiServiceStrategy()
      : TypedStrategy(
            StrategyTraits{.allowUnconditionalUpdate = false, .standardFinalizers = false}) {}
  /// The rest of the rule needs the spec.
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }
  /// What this server serves itself needs no check.
  void stamp(void* next, const void* current, const Requester& requester) const override {
    auto& object = *static_cast<APIService*>(next);
    if (current || object.spec.service) return;
    auto& available = object.status.conditions.emplace_back();
    available.type = api::apiregistration::v1::kAvailable;
    available.status = api::apiregistration::v1::kConditionTrue;
    available.reason = "Local";
    available.message = "Local APIServices are always available";
    available.lastTransitionTime = requester.now;
  }

 protected:
  void defaults(APIService& object) const override {
    auto& service = object.spec.service;
    if (service && !service->port) service->port = kPort;
  }
  void check(const APIService& object, FieldErrors& errors) const override {
    apiserver::checkName(object, errors);
    checkGroupVersion(object.spec, errors);
    if (object.spec.service) {
      checkService(object.spec, errors);
    } else {
      checkLocal(object.spec, errors);
    }
  }
  void beforeStatusUpdate(APIService& next, const APIService& current) const override {
    next.metadata.labels = current.metadata.labels;
    next.metadata.annotations = current.metadata.annotations;
    next.metadata.finalizers = current.metadata.finalizers;
    next.metadata.ownerReferences = current.metadata.ownerReferences;
  }
  void checkStatusUpdate(const APIService& next, const APIService&,
                         FieldErrors& errors) const override {
    const auto path = FieldPath("status").child("conditions");
    for (size_t i = 0; i < next.status.conditions.size(); ++i) {
      checkOneOf(next.status.conditions[i].status, {"True", "False", "Unknown"},
                 path.index(i).child("status"), errors);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeApiServiceStrategy() {
  return std::make_unique<ApiServiceStrategy>();
}

}  // namespace coxswain::apiserver
