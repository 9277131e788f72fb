#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::networking::v1::HTTPIngressPath;
using api::networking::v1::Ingress;
using api::networking::v1::IngressBackend;
using api::networking::v1::IngressRule;

namespace {

constexpr std::string_view kClassAnnotation = "kubernetes.io/ingress.class";
constexpr std::string_view kNotInPaths[] = {"//", "/./", "/../", "%2f", "%2F"};
constexpr std::string_view kNotAtEnd[] = {"/..", "/."};

void checkHost(const std::string& host, const FieldPath& path, FieldErrors& errors) {
  if (host.find('*') != std::string::npos) {
    errors.invalidEach(path, host, api::validateWildcardDns1123Subdomain(host));
  } else {
    errors.invalidEach(path, host, api::validateDns1123Subdomain(host));
  }
}

void checkBackend(const IngressBackend& backend, const FieldPath& path, FieldErrors& errors) {
  if (backend.service && backend.resource) {
    return errors.invalid(path, "", "cannot set both resource and service backends");
  }
  if (backend.resource) {
    const auto at = path.child("resource");
    const auto& resource = *backend.resource;
    if (resource.apiGroup) {
      checkDns1123Subdomain(*resource.apiGroup, at.child("apiGroup"), errors);
    }
    auto segment = [&](const std::string& text, std::string_view field) {
      if (text.empty()) return errors.required(at.child(field));
      errors.invalidEach(at.child(field), text, api::validatePathSegmentName(text));
    };
    segment(resource.kind, "kind");
    segment(resource.name, "name");
    return;
  }
  if (!backend.service) {
    return errors.invalid(path, "", "resource or service backend is required");
  }
  const auto at = path.child("service");
  const auto& service = *backend.service;
  if (service.name.empty()) {
    errors.required(at.child("name"));
  } else {
    checkDns1123Label(service.name, at.child("name"), errors);
  }
  const bool named = !service.port.name.empty();
  const bool numbered = service.port.number != 0;
  if (named && numbered) {
    errors.invalid(path, "", "cannot set both port name & port number");
  } else if (named) {
    errors.invalidEach(at.child("port").child("name"), service.port.name,
                       api::validatePortName(service.port.name));
  } else if (numbered) {
    errors.invalidEach(at.child("port").child("number"), service.port.number,
                       api::validatePortNumber(service.port.number));
  } else {
    errors.required(path, "port name or number is required");
  }
}

void checkPath(const HTTPIngressPath& rule, const FieldPath& path, FieldErrors& errors) {
  const auto pathField = path.child("path");
  const auto typeField = path.child("pathType");
  if (!rule.pathType) {
    return errors.required(typeField, "pathType must be specified");
  }
  if (*rule.pathType == "Exact" || *rule.pathType == "Prefix") {
    if (!rule.path.starts_with('/')) {
      errors.invalid(pathField, rule.path, "must be an absolute path");
    }
    for (auto part : kNotInPaths) {
      if (rule.path.find(part) != std::string::npos) {
        errors.invalid(pathField, rule.path, "must not contain '" + std::string(part) + "'");
      }
    }
    for (auto end : kNotAtEnd) {
      if (rule.path.ends_with(end)) {
        errors.invalid(pathField, rule.path, "cannot end with '" + std::string(end) + "'");
      }
    }
  } else if (*rule.pathType == "ImplementationSpecific") {
    if (!rule.path.empty() && !rule.path.starts_with('/')) {
      errors.invalid(pathField, rule.path, "must be an absolute path");
    }
  } else {
    errors.notSupported(typeField, *rule.pathType, {"Exact", "ImplementationSpecific", "Prefix"});
  }
  checkBackend(rule.backend, path.child("backend"), errors);
}

void checkRule(const IngressRule& rule, const FieldPath& path, FieldErrors& errors) {
  const auto& http = rule.ingressRuleValue.http;
  if (!http) return;
  const auto paths = path.child("http").child("paths");
  if (http->paths.empty()) errors.required(paths);
  for (size_t j = 0; j < http->paths.size(); ++j) {
    checkPath(http->paths[j], paths.index(j), errors);
  }
}

bool isWildcard(const IngressRule& rule) {
  return rule.host.find('*') != std::string::npos;
}

/// What a stored object does wrong already, and may go on doing.
struct Leniency {
  bool secretNames = false;
  bool wildcardRules = false;
};

Leniency leniencyFor(const Ingress& current) {
  Leniency out;
  for (const auto& tls : current.spec.tls) {
    if (!tls.secretName.empty() && !api::validateDns1123Subdomain(tls.secretName).empty()) {
      out.secretNames = true;
    }
  }
  FieldErrors found;
  for (const auto& rule : current.spec.rules) {
    if (isWildcard(rule)) checkRule(rule, FieldPath("rules"), found);
  }
  out.wildcardRules = !found.empty();
  return out;
}

class IngressStrategy final : public TypedStrategy<Ingress> {
 public:
  IngressStrategy() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void check(const Ingress& ingress, FieldErrors& errors) const override {
    checkAll(ingress, {}, errors);
    const auto* annotation = ingress.metadata.annotations.get(kClassAnnotation);
    if (annotation && ingress.spec.ingressClassName &&
        *annotation != *ingress.spec.ingressClassName) {
      errors.invalid(FieldPath("annotations").child("kubernetes.io/ingress.class"), *annotation,
                     "must match `ingressClassName` when both are specified");
    }
  }
  void checkUpdate(const Ingress& next, const Ingress& current,
                   FieldErrors& errors) const override {
    checkAll(next, leniencyFor(current), errors);
  }
  void warn(const Ingress& next, const Ingress* current,
            std::vector<std::string>& out) const override {
    if (current || !next.metadata.annotations.contains(kClassAnnotation)) return;
    out.push_back("annotation " + api::goQuote(kClassAnnotation) +
                  " is deprecated, please use 'spec.ingressClassName' instead");
  }
  void checkStatusUpdate(const Ingress& next, const Ingress& current,
                         FieldErrors& errors) const override {
    const auto& known = current.status.loadBalancer.ingress;
    const auto path = FieldPath("status").child("loadBalancer").child("ingress");
    const auto& all = next.status.loadBalancer.ingress;
    for (size_t i = 0; i < all.size(); ++i) {
      const auto at = path.index(i);
      if (!all[i].ip.empty()) {
        const bool kept = std::any_of(known.begin(), known.end(),
                                      [&](const auto& old) { return old.ip == all[i].ip; });
        errors.invalidEach(at.child("ip"), all[i].ip,
                           api::validateIpForLegacyField(all[i].ip, kept));
      }
      if (all[i].hostname.empty()) continue;
      checkDns1123Subdomain(all[i].hostname, at.child("hostname"), errors);
      if (api::parseIp(all[i].hostname)) {
        errors.invalid(at.child("hostname"), all[i].hostname,
                       "must be a DNS name, not an IP address");
      }
    }
  }

 private:
  static void checkAll(const Ingress& ingress, const Leniency& lenient, FieldErrors& errors) {
    const FieldPath path("spec");
    const auto& spec = ingress.spec;
    if (spec.rules.empty() && !spec.defaultBackend) {
      errors.invalid(path, nullptr, "either `defaultBackend` or `rules` must be specified");
    }
    if (spec.defaultBackend) {
      checkBackend(*spec.defaultBackend, path.child("defaultBackend"), errors);
    }
    for (size_t i = 0; i < spec.rules.size(); ++i) {
      const auto& rule = spec.rules[i];
      const auto at = path.child("rules").index(i);
      if (!rule.host.empty()) {
        if (api::parseIp(rule.host)) {
          errors.invalid(at.child("host"), rule.host, "must be a DNS name, not an IP address");
        }
        checkHost(rule.host, at.child("host"), errors);
      }
      if (!lenient.wildcardRules || !isWildcard(rule)) checkRule(rule, at, errors);
    }
    for (size_t i = 0; i < spec.tls.size(); ++i) {
      const auto at = path.child("tls").index(i);
      const auto& hosts = spec.tls[i].hosts;
      for (size_t j = 0; j < hosts.size(); ++j) {
        checkHost(hosts[j], at.child("hosts").index(j), errors);
      }
      if (!spec.tls[i].secretName.empty() && !lenient.secretNames) {
        checkDns1123Subdomain(spec.tls[i].secretName, at.child("secretName"), errors);
      }
    }
    if (spec.ingressClassName) {
      checkDns1123Subdomain(*spec.ingressClassName, path.child("ingressClassName"), errors);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeIngressStrategy() {
  return std::make_unique<IngressStrategy>();
}

}  // namespace coxswain::apiserver
