#include "apiserver/kubelet_proxy/pod_target.h"

#include <vector>

#include "net/url.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;

std::vector<std::string> containerNames(const Pod& pod) {
  std::vector<std::string> names;
  for (const auto& one : pod.spec.initContainers) names.push_back(one.name);
  for (const auto& one : pod.spec.containers) names.push_back(one.name);
  for (const auto& one : pod.spec.ephemeralContainers) {
    names.push_back(one.ephemeralContainerCommon.name);
  }
  return names;
}

Reason reasonOf(int code) {
  switch (code) {
    case 400:
      return Reason::BadRequest;
    case 401:
      return Reason::Unauthorized;
    case 403:
      return Reason::Forbidden;
    case 404:
      return Reason::NotFound;
    case 405:
      return Reason::MethodNotAllowed;
    case 429:
      return Reason::TooManyRequests;
    case 503:
      return Reason::ServiceUnavailable;
    default:
      return code >= 500 ? Reason::InternalError : Reason::Unknown;
  }
}

}  // namespace

Result<std::string> chooseContainer(const Pod& pod, const std::string& asked) {
  const auto& name = pod.metadata.name;
  if (asked.empty()) {
    if (pod.spec.containers.size() == 1) return pod.spec.containers.front().name;
    std::string choices;
    for (const auto& one : containerNames(pod)) choices += (choices.empty() ? "" : " ") + one;
    return badRequest("a container name must be specified for pod " + name + ", choose one of: [" +
                      choices + "]");
  }
  for (const auto& one : containerNames(pod)) {
    if (one == asked) return asked;
  }
  return badRequest("container " + asked + " is not valid for pod " + name);
}

Result<std::shared_ptr<net::HttpClient>> kubeletOf(const KubeletHandlerSources& sources,
                                                   const Pod& pod, bool verify) {
  if (pod.spec.nodeName.empty()) {
    return badRequest("pod " + pod.metadata.name + " does not have a host assigned");
  }
  TRY(auto node, sources.nodes.get("", pod.spec.nodeName));
  return sources.connections.of(*node.as<api::core::v1::Node>(), verify);
}

Status kubeletFailure(int code, std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty()) text = "the kubelet answered " + std::to_string(code);
  return Status(reasonOf(code), code, std::move(text));
}

std::string kubeletPath(std::string_view action, const Pod& pod, std::string_view container) {
  auto path = "/" + std::string(action) + "/" + net::percentEncode(pod.metadata.namespace_) + "/" +
              net::percentEncode(pod.metadata.name);
  if (!container.empty()) path += "/" + net::percentEncode(container);
  return path;
}

}  // namespace coxswain::apiserver
