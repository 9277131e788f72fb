#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/kubelet_proxy/handlers.h"

namespace coxswain::apiserver {

/// nodes/proxy: any path of the node's kubelet.
class NodeProxyHandler final : public SubresourceHandler {
 public:
  explicit NodeProxyHandler(const KubeletHandlerSources& sources) : sources_(sources) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
};

/// pods/proxy: any path of a port of the pod.
class PodProxyHandler final : public SubresourceHandler {
 public:
  explicit PodProxyHandler(const KubeletHandlerSources& sources) : sources_(sources) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
};

/// services/proxy: any path of a port of one of the service's endpoints.
class ServiceProxyHandler final : public SubresourceHandler {
 public:
  explicit ServiceProxyHandler(const KubeletHandlerSources& sources) : sources_(sources) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
  uint64_t turn_ = 0;
};

/// "https:name:port", "name:port", "name". Nothing: another form.
struct ProxyName {
  std::string scheme;  ///< empty, "http" or "https"
  std::string name;
  std::string port;  ///< empty, a number, or (services) a port's name
};
std::optional<ProxyName> parseProxyName(std::string_view text);

}  // namespace coxswain::apiserver
