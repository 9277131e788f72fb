#include "api/gen/networking_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::networking::v1::IngressClass;
using api::networking::v1::IngressClassParametersReference;

namespace {

constexpr int64_t kControllerMax = 250;

void checkParameters(const IngressClassParametersReference& parameters, const FieldPath& path,
                     FieldErrors& errors) {
  if (parameters.apiGroup) {
    checkDns1123Subdomain(*parameters.apiGroup, path.child("apiGroup"), errors);
  }
  auto segment = [&](const std::string& text, std::string_view field) {
    if (text.empty()) return errors.required(path.child(field));
    errors.invalidEach(path.child(field), text, api::validatePathSegmentName(text));
  };
  segment(parameters.kind, "kind");
  segment(parameters.name, "name");
  const auto ns = path.child("namespace");
  if (!parameters.scope) {
    errors.required(path.child("scope"));
  } else if (*parameters.scope == "Namespace") {
    if (parameters.namespace_) {
      checkDns1123Label(*parameters.namespace_, ns, errors);
    } else {
      errors.required(ns, "`parameters.scope` is set to 'Namespace'");
    }
  } else if (*parameters.scope == "Cluster") {
    if (parameters.namespace_) {
      errors.forbidden(ns, "`parameters.scope` is set to 'Cluster'");
    }
  } else {
    errors.notSupported(path.child("scope"), *parameters.scope, {"Cluster", "Namespace"});
  }
}

class IngressClassStrategy final : public TypedStrategy<IngressClass> {
 public:
  IngressClassStrategy() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void defaults(IngressClass& object) const override {
    auto& parameters = object.spec.parameters;
    if (parameters && !parameters->scope) parameters->scope = "Cluster";
  }
  void check(const IngressClass& object, FieldErrors& errors) const override {
    const FieldPath path("spec");
    const auto& controller = object.spec.controller;
    if (static_cast<int64_t>(controller.size()) > kControllerMax) {
      errors.tooLong(path.child("controller"), kControllerMax);
    }
    if (controller.empty()) {
      errors.required(path.child("controller"));
    } else {
      errors.invalidEach(path.child("controller"), controller,
                         api::validateDomainPrefixedPath(controller));
    }
    if (object.spec.parameters) {
      checkParameters(*object.spec.parameters, path.child("parameters"), errors);
    }
  }
  void checkUpdate(const IngressClass& next, const IngressClass& current,
                   FieldErrors& errors) const override {
    checkImmutable(next.spec.controller, current.spec.controller,
                   FieldPath("spec").child("controller"), errors);
    check(next, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeIngressClassStrategy() {
  return std::make_unique<IngressClassStrategy>();
}

}  // namespace coxswain::apiserver
