#include <algorithm>

#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

bool isStandardResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || api::isHugePages(name);
}

/// Amounts of it may be broken: cpu, memory, storage.
bool isDivisible(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || name == "storage" ||
         name.find('/') == std::string_view::npos;
}

void checkResourceName(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  const auto messages = api::validateQualifiedName(name);
  errors.invalidEach(path, name, messages);
  if (!messages.empty()) return;
  if (name.find('/') == std::string_view::npos) {
    if (!isStandardResource(name))
      errors.invalid(path, name, "must be a standard resource for containers");
  } else if (!api::isExtendedResource(name) && !name.starts_with("kubernetes.io/")) {
    errors.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

/// Requests of it may be below the limit.
bool mayOvercommit(std::string_view name) {
  return !api::isHugePages(name) && !api::isExtendedResource(name);
}

bool isWholePages(std::string_view resource, const api::Quantity& amount) {
  const auto size = api::Quantity::parse(resource.substr(std::string_view("hugepages-").size()));
  if (!size.ok() || size->sign() <= 0) return false;
  return size->value() > 0 && amount.value() % size->value() == 0;
}

void checkClaims(const v1::ResourceRequirements& resources,
                 const std::vector<std::string_view>& claims, const FieldPath& path,
                 FieldErrors& errors) {
  std::set<std::string> seen;
  for (size_t i = 0; i < resources.claims.size(); ++i) {
    const auto& claim = resources.claims[i];
    const auto at = path.child("claims").index(i);
    if (requireText(claim.name, at, errors)) continue;
    std::string key = claim.name;
    if (!claim.request.empty()) key += "/" + claim.request;
    if (seen.contains(key) || (!claim.request.empty() && seen.contains(claim.name)))
      errors.duplicate(at, key);
    seen.insert(key);
    if (std::find(claims.begin(), claims.end(), claim.name) == claims.end())
      errors.notFound(at, claim.name);
  }
}

}  // namespace

void validateResourceQuantity(std::string_view resource, const api::Quantity& quantity,
                              const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(quantity, path, errors);
  if (!isDivisible(resource) && quantity.milliValue() % 1000 != 0)
    errors.invalid(path, quantity, "must be an integer");
}

void validateResourceRequirements(const v1::ResourceRequirements& resources,
                                  const std::vector<std::string_view>& claims,
                                  const FieldPath& path, FieldErrors& errors) {
  const auto limits = path.child("limits");
  const auto requests = path.child("requests");
  bool pages = false;
  bool plain = false;
  const auto each = [&](const api::ResourceList& list, const FieldPath& listPath) {
    for (const auto& [name, amount] : list) {
      const auto at = listPath.key(name);
      checkResourceName(name, at, errors);
      validateResourceQuantity(name, amount, at, errors);
      if (api::isHugePages(name)) {
        pages = true;
        if (!isWholePages(name, amount))
          errors.invalid(at, amount, "must be a multiple of the page size");
      }
      plain = plain || name == "cpu" || name == "memory";
    }
  };
  each(resources.limits, limits);
  each(resources.requests, requests);
  for (const auto& [name, request] : resources.requests) {
    const api::Quantity* limit = resources.limits.get(name);
    if (limit != nullptr) {
      if (request != *limit && !mayOvercommit(name)) {
        errors.invalid(requests, request, "must be equal to " + name + " limit of " + limit->str());
      } else if (request > *limit) {
        errors.invalid(requests, request,
                       "must be less than or equal to " + name + " limit of " + limit->str());
      }
    } else if (!mayOvercommit(name)) {
      errors.required(limits, "Limit must be set for non overcommitable resources");
    }
  }
  if (pages && !plain) errors.forbidden(path, "HugePages require cpu or memory");
  checkClaims(resources, claims, path, errors);
}

namespace pods {

void checkNoBacksteps(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  for (size_t at = 0; at <= value.size();) {
    const size_t end = std::min(value.find('/', at), value.size());
    if (value.substr(at, end - at) == "..") {
      errors.invalid(path, value, "must not contain '..'");
      return;
    }
    at = end + 1;
  }
}

void checkDescendingPath(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (value.starts_with('/')) errors.invalid(path, value, "must be a relative path");
  checkNoBacksteps(value, path, errors);
}

void checkFieldRef(const v1::ObjectFieldSelector& ref,
                   std::initializer_list<std::string_view> known, const FieldPath& path,
                   FieldErrors& errors) {
  if (requireText(ref.apiVersion, path.child("apiVersion"), errors)) return;
  const auto at = path.child("fieldPath");
  if (requireText(ref.fieldPath, at, errors)) return;
  const std::string_view text = ref.fieldPath;
  // "metadata.labels['key']".
  if (const auto open = text.find("['"); text.ends_with("']") && open != std::string_view::npos) {
    const std::string_view base = text.substr(0, open);
    std::string key(text.substr(open + 2, text.size() - open - 4));
    if (base == "metadata.annotations") {
      for (char& c : key) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      errors.invalidEach(at, text, api::validateQualifiedName(key));
    } else if (base == "metadata.labels") {
      errors.invalidEach(at, text, api::validateLabelKey(key));
    } else {
      errors.invalid(at, base, "does not support subscript");
    }
    return;
  }
  static constexpr std::string_view kAll[] = {"metadata.annotations", "metadata.labels",
                                              "metadata.name",        "metadata.namespace",
                                              "metadata.uid",         "spec.host",
                                              "spec.nodeName",        "spec.restartPolicy",
                                              "spec.schedulerName",   "spec.serviceAccountName",
                                              "status.hostIP",        "status.hostIPs",
                                              "status.phase",         "status.podIP",
                                              "status.podIPs"};
  if (ref.apiVersion != "v1") {
    errors.invalid(at, text,
                   "error converting fieldPath: unsupported pod version: " + ref.apiVersion);
  } else if (std::find(std::begin(kAll), std::end(kAll), text) == std::end(kAll)) {
    errors.invalid(at, text,
                   "error converting fieldPath: field label not supported: " + ref.fieldPath);
  } else if (std::find(known.begin(), known.end(), text) == known.end()) {
    errors.notSupported(at, text, known);
  }
}

void checkResourceFieldRef(const v1::ResourceFieldSelector& ref, bool needsContainer,
                           const FieldPath& path, FieldErrors& errors) {
  if (needsContainer) {
    if (requireText(ref.containerName, path.child("containerName"), errors)) return;
  }
  if (requireText(ref.resource, path.child("resource"), errors)) return;
  std::string_view kind = ref.resource;
  for (const std::string_view prefix : {"limits.", "requests."}) {
    if (kind.starts_with(prefix)) kind.remove_prefix(prefix.size());
  }
  if (kind == ref.resource || !isStandardResource(kind)) {
    errors.notSupported(path.child("resource"), ref.resource,
                        {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                         "requests.ephemeral-storage", "requests.memory"});
    return;
  }
  if (ref.divisor.isZero()) return;
  const std::string divisor = ref.divisor.str();
  const auto at = path.child("divisor");
  if (kind == "cpu") {
    if (divisor != "1m" && divisor != "1") {
      errors.invalid(at, divisor,
                     "only divisor's values 1m and 1 are supported with the cpu resource");
    }
    return;
  }
  static constexpr std::string_view kDivisors[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                                   "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
  if (std::find(std::begin(kDivisors), std::end(kDivisors), divisor) != std::end(kDivisors)) return;
  const std::string_view what = kind == "memory"              ? "memory"
                                : kind == "ephemeral-storage" ? "local ephemeral storage"
                                                              : "hugepages";
  errors.invalid(at, divisor,
                 "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei "
                 "are supported with the " +
                     std::string(what) + " resource");
}

namespace {

void checkPortOrName(const api::IntOrString& port, const FieldPath& path, FieldErrors& errors) {
  if (port.isString()) {
    errors.invalidEach(path, port.strVal, api::validatePortName(port.strVal));
  } else {
    errors.invalidEach(path, port.intVal, api::validatePortNumber(port.intVal));
  }
}

void checkHttp(const v1::HTTPGetAction& http, const FieldPath& path, FieldErrors& errors) {
  requireText(http.path, path.child("path"), errors);
  checkPortOrName(http.port, path.child("port"), errors);
  if (http.scheme != "HTTP" && http.scheme != "HTTPS")
    errors.notSupported(path.child("scheme"), http.scheme, {"HTTP", "HTTPS"});
  for (const auto& header : http.httpHeaders) {
    errors.invalidEach(path.child("httpHeaders"), header.name,
                       api::validateHttpHeaderName(header.name));
  }
}

/// Counts handlers; tells of each beyond the first.
class HandlerCount {
 public:
  HandlerCount(const FieldPath& path, FieldErrors& errors) : path_(path), errors_(errors) {}
  bool next(std::string_view name) {
    if (count_++ == 0) return true;
    errors_.forbidden(path_.child(name), "may not specify more than 1 handler type");
    return false;
  }
  void finish() {
    if (count_ == 0) errors_.required(path_, "must specify a handler type");
  }

 private:
  const FieldPath& path_;
  FieldErrors& errors_;
  int count_ = 0;
};

void checkHook(const v1::LifecycleHandler& hook, int64_t grace, const FieldPath& path,
               FieldErrors& errors) {
  HandlerCount count(path, errors);
  if (hook.exec && count.next("exec") && hook.exec->command.empty())
    errors.required(path.child("exec", "command"));
  if (hook.httpGet && count.next("httpGet"))
    checkHttp(*hook.httpGet, path.child("httpGet"), errors);
  if (hook.tcpSocket && count.next("tcpSocket"))
    checkPortOrName(hook.tcpSocket->port, path.child("tcpSocket", "port"), errors);
  if (hook.sleep && count.next("sleep") &&
      (hook.sleep->seconds < 0 || hook.sleep->seconds > grace)) {
    errors.invalid(path.child("sleep"), hook.sleep->seconds,
                   "must be non-negative and less than terminationGracePeriodSeconds (" +
                       std::to_string(grace) + ")");
  }
  count.finish();
}

}  // namespace

void checkProbe(const v1::Probe& probe, const FieldPath& path, FieldErrors& errors) {
  HandlerCount count(path, errors);
  const auto& handler = probe.handler;
  if (handler.exec && count.next("exec") && handler.exec->command.empty())
    errors.required(path.child("exec", "command"));
  if (handler.httpGet && count.next("httpGet"))
    checkHttp(*handler.httpGet, path.child("httpGet"), errors);
  if (handler.tcpSocket && count.next("tcpSocket"))
    checkPortOrName(handler.tcpSocket->port, path.child("tcpSocket", "port"), errors);
  if (handler.grpc && count.next("grpc")) {
    errors.invalidEach(path.child("grpc", "port"), handler.grpc->port,
                       api::validatePortNumber(handler.grpc->port));
  }
  count.finish();
  checkNonNegative(probe.initialDelaySeconds, path.child("initialDelaySeconds"), errors);
  checkNonNegative(probe.timeoutSeconds, path.child("timeoutSeconds"), errors);
  checkNonNegative(probe.periodSeconds, path.child("periodSeconds"), errors);
  checkNonNegative(probe.successThreshold, path.child("successThreshold"), errors);
  checkNonNegative(probe.failureThreshold, path.child("failureThreshold"), errors);
  if (probe.terminationGracePeriodSeconds && *probe.terminationGracePeriodSeconds <= 0) {
    errors.invalid(path.child("terminationGracePeriodSeconds"),
                   *probe.terminationGracePeriodSeconds, "must be greater than 0");
  }
}

void checkLifecycle(const v1::Lifecycle& lifecycle, const v1::PodSpec& spec, const FieldPath& path,
                    FieldErrors& errors) {
  const int64_t grace = spec.terminationGracePeriodSeconds.value_or(0);
  if (lifecycle.postStart) checkHook(*lifecycle.postStart, grace, path.child("postStart"), errors);
  if (lifecycle.preStop) checkHook(*lifecycle.preStop, grace, path.child("preStop"), errors);
  if (!lifecycle.stopSignal) return;
  const auto at = path.child("stopSignal");
  if (!spec.os || spec.os->name.empty()) {
    errors.forbidden(at, "may not be set for containers with empty `spec.os.name`");
  } else if (spec.os->name == "windows" && *lifecycle.stopSignal != "SIGKILL" &&
             *lifecycle.stopSignal != "SIGTERM") {
    errors.notSupported(at, *lifecycle.stopSignal, {"SIGKILL", "SIGTERM"});
  }
}

}  // namespace pods

}  // namespace coxswain::apiserver
