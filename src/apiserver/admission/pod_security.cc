#include "apiserver/admission/pod_security.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "apiserver/admission/templates.h"
#include "pod_security/evaluate.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::meta::v1::ObjectMeta;
using pod_security::Level;
using pod_security::LevelVersion;
using pod_security::Policy;
using pod_security::Violation;

constexpr std::string_view kAuditPrefix = "pod-security.kubernetes.io/";
constexpr std::string_view kSeccompAnnotation = "container.seccomp.security.alpha.kubernetes.io/";
/// Pods of a namespace that are looked at when its level changes.
constexpr size_t kPodsChecked = 3000;

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return !value.empty() && std::find(list.begin(), list.end(), value) != list.end();
}

/// Subresources of pods that change nothing that levels speak of.
bool isHarmless(const std::string& subresource) {
  constexpr std::string_view kHarmless[] = {"exec", "attach",      "binding", "eviction",
                                            "log",  "portforward", "proxy",   "status"};
  return std::find(std::begin(kHarmless), std::end(kHarmless), subresource) != std::end(kHarmless);
}

template <typename T>
bool differs(const T& next, const T& current, const ObjectMeta& meta, const ObjectMeta& old) {
  if (next.image != current.image) return true;
  if (meta.annotations.empty() && old.annotations.empty()) return false;
  const auto key = std::string(kSeccompAnnotation).append(next.name);
  const auto* now = meta.annotations.get(key);
  const auto* before = old.annotations.get(key);
  return (now ? *now : "") != (before ? *before : "");
}

template <typename T>
bool anyDiffers(const std::vector<T>& next, const std::vector<T>& current, const ObjectMeta& meta,
                const ObjectMeta& old) {
  if (next.size() != current.size()) return true;
  for (size_t i = 0; i < next.size(); ++i) {
    if (differs(next[i], current[i], meta, old)) return true;
  }
  return false;
}

/// Of what a pod's update may change, something that a level could speak of.
bool matters(const Pod& next, const Pod& current) {
  const auto& meta = next.metadata;
  const auto& old = current.metadata;
  if (anyDiffers(next.spec.containers, current.spec.containers, meta, old)) return true;
  if (anyDiffers(next.spec.initContainers, current.spec.initContainers, meta, old)) return true;
  for (const auto& one : next.spec.ephemeralContainers) {
    const auto& common = one.ephemeralContainerCommon;
    const auto& before = current.spec.ephemeralContainers;
    auto same = std::find_if(before.begin(), before.end(), [&common](const auto& other) {
      return other.ephemeralContainerCommon.name == common.name;
    });
    if (same == before.end()) return true;
    if (differs(common, same->ephemeralContainerCommon, meta, old)) return true;
  }
  return false;
}

/// The pods that a check with a bound should see first: of each controller one.
std::vector<const Pod*> byInterest(const std::vector<api::ConstObject>& objects) {
  std::vector<const Pod*> first;
  std::vector<const Pod*> others;
  std::set<std::string_view> controllers;
  for (const auto& object : objects) {
    const auto* pod = object.as<Pod>();
    const auto& owners = pod->metadata.ownerReferences;
    auto controller = std::find_if(owners.begin(), owners.end(), [](const auto& owner) {
      return owner.controller.value_or(false);
    });
    const bool seen = controller != owners.end() && !controllers.insert(controller->uid).second;
    (seen ? others : first).push_back(pod);
  }
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

/// What of the pods that are there a new level would refuse, as warnings: like ones together.
std::vector<std::string> warningsOf(const std::vector<api::ConstObject>& objects,
                                    const std::string& ns, const LevelVersion& level) {
  struct Group {
    const std::string* name;  ///< the first by name
    size_t count;
  };
  auto pods = byInterest(objects);
  std::vector<std::string> out;
  if (pods.size() > kPodsChecked) {
    out.push_back("new PodSecurity enforce level only checked against the first " +
                  std::to_string(kPodsChecked) + " of " + std::to_string(pods.size()) +
                  " existing pods");
    pods.resize(kPodsChecked);
  }
  std::map<std::string, Group> groups;
  for (const auto* pod : pods) {
    auto violations = pod_security::evaluate(level, pod->metadata, pod->spec);
    if (violations.empty()) continue;
    const auto& name = pod->metadata.name;
    auto [group, added] = groups.try_emplace(pod_security::reasonsOf(violations), Group{&name, 0});
    if (name < *group->second.name) group->second.name = &name;
    ++group->second.count;
  }
  if (groups.empty()) return out;
  out.push_back("existing pods in namespace " + api::goQuote(ns) +
                " violate the new PodSecurity enforce level " + api::goQuote(level.str()));
  const auto sorted = out.size();
  for (const auto& [reasons, group] : groups) {
    std::string text = *group.name;
    if (group.count == 2) text += " (and 1 other pod)";
    if (group.count > 2) text += " (and " + std::to_string(group.count - 1) + " other pods)";
    out.push_back(text + ": " + reasons);
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end());
  return out;
}

/// Pods are as secure as their namespace's labels ask: what enforce forbids is refused, what audit
/// forbids is told to the audit log, what warn forbids to the client. Controllers of pods are
/// warned only: their pods will be refused. Labels that mean nothing are refused; a level that
/// pods of the namespace do not meet is told. After validation.
class PodSecurity final : public AdmissionPlugin {
 public:
  PodSecurity(const AdmissionSources& sources, PodSecurityOptions options)
      : namespaces_(sources, "", "namespaces"),
        pods_(sources, "", "pods"),
        options_(std::move(options)) {}
  [[nodiscard]] std::string_view name() const override { return "PodSecurity"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (kind != WriteKind::Create && kind != WriteKind::Update) return false;
    const auto& info = request.info;
    if (info.group.empty() && info.resource == "pods") return !isHarmless(info.subresource);
    if (!info.subresource.empty()) return false;
    return isResource(request, "", "namespaces") || makesPods(info);
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    if (const auto* ns = object->as<Namespace>()) {
      return ofNamespace(request, *ns, old ? old->as<Namespace>() : nullptr);
    }
    const auto& info = request.info;
    if (contains(options_.exemptNamespaces, info.ns)) return exempt(request, "namespace");
    if (contains(options_.exemptUsers, request.user.name)) return exempt(request, "user");
    const auto* pod = object->as<Pod>();
    TRY(auto ns, namespaces_.get("", info.ns));
    const auto& labels = api::objectMeta(ns)->labels;
    api::FieldErrors errors;
    const auto policy = pod_security::policyOf(labels, options_.defaults, &errors);
    if (errors.empty()) {
      if (policy.allPrivileged()) {
        if (pod) annotate(request, "enforce-policy", policy.enforce);
        return {};
      }
      const bool silent =
          policy.warn.level == Level::Privileged && policy.audit.level == Level::Privileged;
      if (!pod && silent) return {};
    }
    if (pod && old && !matters(*pod, *old->as<Pod>())) return {};
    if (!errors.empty() && request.auditAnnotations) {
      request.annotateAudit(std::string(kAuditPrefix) + "error",
                            "Failed to parse policy: " + errors.str());
    }
    if (pod) return ofPod(request, object, policy, pod->metadata, pod->spec, true);
    const auto* made = podTemplateOf(*object);
    if (!made) return {};
    return ofPod(request, object, policy, made->metadata, made->spec, false);
  }

 private:
  Status ofNamespace(RequestContext& request, const Namespace& next, const Namespace* old) const {
    const auto& name = next.metadata.name;
    if (old && next.metadata.labels == old->metadata.labels) return {};
    api::FieldErrors errors;
    const auto policy = pod_security::policyOf(next.metadata.labels, options_.defaults, &errors);
    if (!errors.empty() && !(old && sameErrors(errors, *old))) {
      return errors.toStatus("Namespace", name);
    }
    if (!old) {
      warnOfExemption(request, name, policy);
      return {};
    }
    const auto before = pod_security::policyOf(old->metadata.labels, options_.defaults, nullptr);
    const auto& level = policy.enforce;
    const bool relaxed =
        level.version == before.enforce.version && level.level <= before.enforce.level;
    if (level == before.enforce || level.level == Level::Privileged || relaxed) return {};
    if (warnOfExemption(request, name, policy)) return {};
    TRY(auto pods, pods_.list(name));
    for (auto& warning : warningsOf(pods, name, level)) {
      request.warnings.push_back(std::move(warning));
    }
    return {};
  }

  [[nodiscard]] bool sameErrors(const api::FieldErrors& errors, const Namespace& old) const {
    api::FieldErrors before;
    pod_security::policyOf(old.metadata.labels, options_.defaults, &before);
    return errors.str() == before.str();
  }

  /// True: the namespace is exempt.
  bool warnOfExemption(RequestContext& request, const std::string& name,
                       const Policy& policy) const {
    if (!contains(options_.exemptNamespaces, name)) return false;
    if (!policy.allPrivileged() && !policy.sameAs(options_.defaults)) {
      request.warnings.push_back("namespace " + api::goQuote(name) +
                                 " is exempt from Pod Security, and the policy (" + policy.str() +
                                 ") will be ignored");
    }
    return true;
  }

  Status ofPod(RequestContext& request, const api::Object* object, const Policy& policy,
               const ObjectMeta& meta, const PodSpec& spec, bool enforce) const {
    if (contains(options_.exemptRuntimeClasses, spec.runtimeClassName.value_or(""))) {
      return exempt(request, "runtimeClass");
    }
    std::vector<Violation> refused;
    if (enforce) {
      annotate(request, "enforce-policy", policy.enforce);
      refused = pod_security::evaluate(policy.enforce, meta, spec);
    }
    if (request.auditAnnotations) {
      auto violations = pod_security::evaluate(policy.audit, meta, spec);
      if (!violations.empty()) {
        request.annotateAudit(std::string(kAuditPrefix) + "audit-violations",
                              told(policy.audit, violations));
      }
    }
    if (!refused.empty()) {
      return refuse(request, object,
                    "violates PodSecurity " + api::goQuote(policy.enforce.str()) + ": " +
                        pod_security::detailsOf(refused));
    }
    if (enforce && policy.warn == policy.enforce) return {};
    auto violations = pod_security::evaluate(policy.warn, meta, spec);
    if (!violations.empty()) request.warnings.push_back(told(policy.warn, violations));
    return {};
  }

  static std::string told(const LevelVersion& level, const std::vector<Violation>& violations) {
    return "would violate PodSecurity " + api::goQuote(level.str()) + ": " +
           pod_security::detailsOf(violations);
  }

  static void annotate(RequestContext& request, std::string_view key, const LevelVersion& level) {
    if (!request.auditAnnotations) return;
    request.annotateAudit(std::string(kAuditPrefix).append(key), level.str());
  }

  static Status exempt(RequestContext& request, std::string_view why) {
    if (request.auditAnnotations) request.annotateAudit(std::string(kAuditPrefix) + "exempt", why);
    return {};
  }

  SourceCollection namespaces_;
  SourceCollection pods_;
  PodSecurityOptions options_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePodSecurity(const AdmissionSources& sources,
                                                 PodSecurityOptions options) {
  return std::make_unique<PodSecurity>(sources, std::move(options));
}

}  // namespace coxswain::apiserver
