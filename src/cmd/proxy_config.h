#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/proxy.h"

namespace coxswain::cmd {

/// What a KubeProxyConfiguration or flags say, beyond what the proxy itself takes.
struct ProxySettings {
  proxy::ProxyOptions options;
  std::string kubeconfig;
  std::string mode;  ///< "", "nftables"
  std::string bindAddress = "0.0.0.0";
};

/// Puts the file's fields over `settings`. BadRequest: no KubeProxyConfiguration, a wrong type, or
/// a field that this proxy does not have.
Status readProxyConfig(std::string_view yaml, ProxySettings& settings);
/// BadRequest: a mode that is not built.
Status checkProxyMode(std::string_view mode);

}  // namespace coxswain::cmd
