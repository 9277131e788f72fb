#include <algorithm>

#include "api/names/quote.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr std::string_view kAppArmor = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kSeccompPod = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccomp = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kLocalhost = "localhost/";

bool isInt32(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 10 ||
      digits.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  // "+1", "-0" and leading zeros are not written so.
  if (digits.front() == '0' && text.size() > 1) return false;
  const int64_t value = std::stoll(std::string(digits)) * (negative ? -1 : 1);
  return value >= INT32_MIN && value <= INT32_MAX;
}

/// A profile that containers could be given by annotation before there were fields.
void checkAppArmorAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                              const FieldPath& path, FieldErrors& errors) {
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kAppArmor)) continue;
    const std::string_view name = std::string_view(key).substr(kAppArmor.size());
    const auto named = [&](const auto& c) { return c.name == name; };
    if (std::none_of(spec.containers.begin(), spec.containers.end(), named) &&
        std::none_of(spec.initContainers.begin(), spec.initContainers.end(), named) &&
        std::none_of(spec.ephemeralContainers.begin(), spec.ephemeralContainers.end(),
                     [&](const auto& c) { return c.ephemeralContainerCommon.name == name; })) {
      errors.invalid(path.key(key), name, "container not found");
    }
    if (!value.empty() && value != "runtime/default" && value != "unconfined" &&
        !value.starts_with(kLocalhost)) {
      errors.invalid(path.key(key), value, "invalid AppArmor profile name: " + api::goQuote(value));
    }
  }
}

void checkSeccompAnnotation(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (value == "runtime/default" || value == "docker/default" || value == "unconfined") return;
  if (value.starts_with(kLocalhost)) {
    return checkDescendingPath(value.substr(kLocalhost.size()), path, errors);
  }
  errors.invalid(path, value, "must be a valid seccomp profile");
}

/// An old annotation beside the field that took its place: what it must say.
void checkProfileMatches(std::string_view annotation, std::string_view what,
                         std::string_view runtimeDefault, std::string_view olderDefault,
                         const auto& profile, const FieldPath& path, FieldErrors& errors) {
  const auto tell = [&](std::string_view member, std::string_view kind) {
    errors.forbidden(path.child(member), std::string(what) + " " + std::string(kind) +
                                             " in annotation and field must match");
  };
  if (profile.type == "Unconfined") {
    if (annotation != "unconfined") tell("type", "type");
  } else if (profile.type == "RuntimeDefault") {
    if (annotation != runtimeDefault && annotation != olderDefault) tell("type", "type");
  } else if (profile.type == "Localhost") {
    if (!annotation.starts_with(kLocalhost)) {
      tell("type", "type");
    } else if (!profile.localhostProfile ||
               annotation.substr(kLocalhost.size()) != *profile.localhostProfile) {
      tell("localhostProfile", "profile");
    }
  }
}

}  // namespace

void checkPodAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                         const FieldPath& path, FieldErrors& errors) {
  if (const auto* mirror = annotations.get(kMirrorAnnotation);
      mirror != nullptr && spec.nodeName.empty()) {
    errors.invalid(path.key(kMirrorAnnotation), *mirror,
                   "must set spec.nodeName if mirror pod annotation is set");
  }
  if (const auto* cost = annotations.get(kDeletionCost); cost != nullptr && !isInt32(*cost))
    errors.invalid(path.key(kDeletionCost), *cost, "must be a 32bit integer");
  if (const auto* profile = annotations.get(kSeccompPod))
    checkSeccompAnnotation(*profile, path.child(kSeccompPod), errors);
  for (const auto& [key, value] : annotations) {
    if (key.starts_with(kSeccomp)) checkSeccompAnnotation(value, path.child(key), errors);
  }
  checkAppArmorAnnotations(annotations, spec, path, errors);
}

void checkProfileAnnotations(const api::Map<std::string>& annotations, const v1::PodSpec& spec,
                             const FieldPath& path, FieldErrors& errors) {
  if (annotations.empty()) return;
  const auto* ofPod = spec.securityContext.get();
  const auto seccomp = [&](const std::string& key, const auto& profile, const FieldPath& at) {
    const auto* annotation = annotations.get(key);
    if (annotation == nullptr || !profile) return;
    checkProfileMatches(*annotation, "seccomp", "runtime/default", "docker/default", *profile,
                        at.child("securityContext", "seccompProfile"), errors);
  };
  const auto appArmor = [&](const std::string& name, const auto& own, const FieldPath& at) {
    const auto* annotation = annotations.get(std::string(kAppArmor) + name);
    const auto* profile = own                ? own.get()
                          : ofPod != nullptr ? ofPod->appArmorProfile.get()
                                             : nullptr;
    if (annotation == nullptr || profile == nullptr) return;
    checkProfileMatches(*annotation, "apparmor", "runtime/default", "runtime/default", *profile,
                        at.child("securityContext", "appArmorProfile"), errors);
  };
  const auto each = [&](auto visit) {
    const auto init = path.child("initContainers");
    const auto plain = path.child("containers");
    for (size_t i = 0; i < spec.initContainers.size(); ++i)
      visit(spec.initContainers[i], init.index(i));
    for (size_t i = 0; i < spec.containers.size(); ++i) visit(spec.containers[i], plain.index(i));
  };
  if (ofPod != nullptr) seccomp(std::string(kSeccompPod), ofPod->seccompProfile, path);
  each([&](const v1::Container& container, const FieldPath& at) {
    if (!container.securityContext) return;
    seccomp(std::string(kSeccomp) + container.name, container.securityContext->seccompProfile, at);
  });
  if (spec.os && spec.os->name == "windows") return;
  static const api::Box<v1::AppArmorProfile> kNone;
  each([&](const v1::Container& container, const FieldPath& at) {
    const auto& context = container.securityContext;
    appArmor(container.name, context ? context->appArmorProfile : kNone, at);
  });
}

void checkAnnotationsUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const auto path = metadata.child("annotations");
  const auto& now = next.metadata.annotations;
  const auto& was = current.metadata.annotations;
  for (const auto& [key, value] : was) {
    const auto* kept = now.get(key);
    if (kept != nullptr && *kept == value) continue;
    if (key.starts_with(kAppArmor))
      errors.forbidden(path.key(key), "may not remove or update AppArmor annotations");
    if (key == kMirrorAnnotation)
      errors.forbidden(path.key(key), "may not remove or update mirror pod annotation");
  }
  for (const auto& [key, value] : now) {
    if (was.contains(key)) continue;
    if (key.starts_with(kAppArmor))
      errors.forbidden(path.key(key), "may not add AppArmor annotations");
    if (key == kMirrorAnnotation)
      errors.forbidden(path.key(key), "may not add mirror pod annotation");
  }
  checkPodAnnotations(now, next.spec, path, errors);
}

}  // namespace coxswain::apiserver::pods
