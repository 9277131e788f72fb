#include <algorithm>

#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "apiserver/registry/core/resource_names.h"
#include "base/text.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

bool isStandardResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || api::isHugePages(name);
}

void checkContainerResourceNameOnly(std::string_view name, const FieldPath& path,
                                    FieldErrors& errors) {
  if (name.find('/') == std::string_view::npos) {
    if (!isStandardResource(name))
      errors.invalid(path, name, "must be a standard resource for containers");
  } else if (!isNativeResource(name) && !api::isExtendedResource(name)) {
    errors.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

/// Of a pod as a whole there are few.
void checkPodResourceName(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  const size_t before = errors.size();
  checkResourceName(name, path, errors);
  if (errors.size() != before) return;
  if (name != "cpu" && name != "memory" && !api::isHugePages(name))
    errors.notSupported(path, name, {"cpu", "hugepages-", "memory"});
}

void checkWholePages(std::string_view resource, const api::Quantity& amount, const FieldPath& path,
                     FieldErrors& errors) {
  if (!api::isHugePages(resource)) return;
  const auto size = api::Quantity::parse(resource.substr(std::string_view("hugepages-").size()));
  if (size.ok() && size->sign() > 0 && size->isExactAt(api::Quantity::Unit) &&
      amount.value() % size->value() == 0) {
    return;
  }
  errors.invalid(path, amount,
                 amount.str() + " is not positive integer multiple of " + std::string(resource));
}

/// Tells of a claim that the pod does not have, with those it has.
void tellUnknownClaim(const std::string& name, const std::vector<std::string_view>& claims,
                      const FieldPath& path, FieldErrors& errors) {
  constexpr size_t kToldMax = 1000;
  if (errors.size() >= kToldMax) return;
  std::string text =
      "Not found: " + api::goQuote(name) + ": must be one of the names in pod.spec.resourceClaims";
  constexpr size_t kTextMax = 4096;
  std::string_view last;
  for (const auto each : claims) {
    if (each == last) continue;  // nor is one without a name told of
    text.append(last.empty() ? ": " : ", ").append(each);
    last = each;
    if (text.size() > kTextMax) break;
  }
  if (last.empty()) text += " which is empty";
  errors.add({"FieldValueNotFound", std::move(text), path.str()});
}

/// The same claim, or the same request of it, is named once; all of a claim takes in its requests.
void checkClaims(const v1::ResourceRequirements& resources,
                 const std::vector<std::string_view>& claims, const FieldPath& path,
                 FieldErrors& errors) {
  std::set<std::string> seen;
  for (size_t i = 0; i < resources.claims.size(); ++i) {
    const auto& claim = resources.claims[i];
    const auto at = path.child("claims").index(i);
    if (requireText(claim.name, at, errors)) continue;
    if (seen.contains(claim.name)) {
      errors.duplicate(at, claim.name);
    } else {
      std::string key = claim.name;
      if (!claim.request.empty()) {
        checkDns1123Label(claim.request, at.child("request"), errors);
        key += "/" + claim.request;
      }
      if (seen.contains(key)) {
        errors.duplicate(at, key);
      } else if (claim.request.empty()) {
        const auto begin = claim.name + "/";
        for (auto each = seen.lower_bound(begin); each != seen.end() && each->starts_with(begin);
             ++each) {
          errors.duplicate(at, claim.name);
        }
      }
      seen.insert(std::move(key));
    }
    if (!std::binary_search(claims.begin(), claims.end(), claim.name))
      tellUnknownClaim(claim.name, claims, at, errors);
  }
}

}  // namespace

void validateResourceQuantity(std::string_view resource, const api::Quantity& quantity,
                              const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(quantity, path, errors);
  if (isIntegerResource(resource) && quantity.milliValue() % 1000 != 0)
    errors.invalid(path, quantity, "must be an integer");
}

void checkContainerResourceName(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  checkResourceName(name, path, errors);
  checkContainerResourceNameOnly(name, path, errors);
}

bool isNativeResource(std::string_view name) {
  return name.find('/') == std::string_view::npos ||
         name.find("kubernetes.io/") != std::string_view::npos;
}

bool mayOvercommitResource(std::string_view name) {
  return isNativeResource(name) && !api::isHugePages(name);
}

void validateResourceRequirements(const v1::ResourceRequirements& resources,
                                  const std::vector<std::string_view>& claims,
                                  const FieldPath& path, FieldErrors& errors, bool ofPod) {
  const auto limits = path.child("limits");
  const auto requests = path.child("requests");
  bool pages = false;
  bool plain = false;
  const auto each = [&](std::string_view name, const api::Quantity& amount, const FieldPath& at) {
    ofPod ? checkPodResourceName(name, at, errors) : checkContainerResourceName(name, at, errors);
    validateResourceQuantity(name, amount, at, errors);
    pages = pages || api::isHugePages(name);
    plain = plain || name == "cpu" || name == "memory";
  };
  for (const auto& [name, amount] : resources.limits) {
    const auto at = limits.key(name);
    each(name, amount, at);
    checkWholePages(name, amount, at, errors);
  }
  for (const auto& [name, request] : resources.requests) {
    const auto at = requests.key(name);
    each(name, request, at);
    const api::Quantity* limit = resources.limits.get(name);
    if (limit != nullptr) {
      if (request != *limit && !mayOvercommitResource(name)) {
        errors.invalid(requests, request, "must be equal to " + name + " limit of " + limit->str());
      } else if (request > *limit) {
        errors.invalid(requests, request,
                       "must be less than or equal to " + name + " limit of " + limit->str());
      }
    } else if (!mayOvercommitResource(name)) {
      errors.required(limits, "Limit must be set for non overcommitable resources");
    }
    checkWholePages(name, request, at, errors);
  }
  if (pages && !plain) errors.forbidden(path, "HugePages require cpu or memory");
  checkClaims(resources, claims, path, errors);
}

namespace pods {

bool hasBacksteps(std::string_view value) {
  for (size_t at = 0; at <= value.size();) {
    const size_t end = std::min(value.find('/', at), value.size());
    if (value.substr(at, end - at) == "..") return true;
    at = end + 1;
  }
  return false;
}

void checkNoBacksteps(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (hasBacksteps(value)) errors.invalid(path, value, "must not contain '..'");
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
  const auto unknown = [&](const std::string& why) {
    errors.invalid(at, text, "error converting fieldPath: " + why);
  };
  if (ref.apiVersion != "v1") return unknown("unsupported pod version: " + ref.apiVersion);
  // "metadata.labels['key']".
  const auto open = text.find("['");
  if (text.ends_with("']") && open != std::string_view::npos && open > 0) {
    const std::string_view base = text.substr(0, open);
    const std::string key(text.substr(open + 2, text.size() - std::min(text.size(), open + 4)));
    // Upstream tells of the key at the reference itself.
    if (base == "metadata.annotations") {
      checkQualifiedName(lowerCase(key), path, errors);
    } else if (base == "metadata.labels") {
      checkQualifiedName(key, path, errors);
    } else {
      unknown("field label does not support subscript: " + ref.fieldPath);
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
  if (std::find(std::begin(kAll), std::end(kAll), text) == std::end(kAll))
    return unknown("field label not supported: " + ref.fieldPath);
  const std::string_view now = text == "spec.host" ? "spec.nodeName" : text;
  if (std::find(known.begin(), known.end(), now) == known.end())
    errors.notSupported(at, now, known);
}

void checkResourceFieldRef(const v1::ResourceFieldSelector& ref, bool needsContainer,
                           const FieldPath& path, FieldErrors& errors) {
  std::string_view kind = ref.resource;
  for (const std::string_view prefix : {"limits.", "requests."}) {
    if (!kind.starts_with(prefix)) continue;
    kind.remove_prefix(prefix.size());
    break;
  }
  const bool known = kind.size() != ref.resource.size() && isStandardResource(kind);
  if (needsContainer && ref.containerName.empty()) {
    errors.required(path.child("containerName"));
  } else if (ref.resource.empty()) {
    errors.required(path.child("resource"));
  } else if (!known) {
    errors.notSupported(path.child("resource"), ref.resource,
                        {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                         "requests.ephemeral-storage", "requests.memory"});
  }
  if (!known || ref.divisor.isZero()) return;
  const std::string divisor = ref.divisor.str();
  // The resource is told of, not the divisor, as upstream.
  const auto at = path.child("divisor");
  if (kind == "cpu") {
    if (divisor != "1m" && divisor != "1") {
      errors.invalid(at, ref.resource,
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
  errors.invalid(at, ref.resource,
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
