#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/config/options.h"

namespace coxswain::kubelet {

/// What a kubelet's own port (10250) is told.
struct ServerSettings {
  std::string address = "0.0.0.0";
  int32_t port = 10250;
  std::string tlsCertFile;
  std::string tlsPrivateKeyFile;
  std::string clientCaFile;
  bool anonymous = false;
  bool webhookAuthentication = true;
  std::string authorizationMode = "Webhook";  ///< or "AlwaysAllow"
  int32_t healthzPort = 10248;                ///< 0: none
  std::string healthzBindAddress = "127.0.0.1";
};

/// Of a whole kubelet process: flags and file.
struct KubeletConfiguration {
  KubeletOptions kubelet;
  ServerSettings server;
  std::string containerRuntimeEndpoint = "unix:///run/containerd/containerd.sock";
  std::string imageServiceEndpoint;
  Duration runtimeRequestTimeout = 2min;
};

/// Reads a KubeletConfiguration (kubelet.config.k8s.io/v1beta1) in YAML or JSON into
/// `configuration`, on top of what is there. BadRequest names the field: unknown ones, wrong types,
/// and values that this kubelet cannot do.
Status readConfiguration(std::string_view text, KubeletConfiguration& configuration);

/// The same fields with their present values, as JSON: for /configz.
std::string configurationJson(const KubeletOptions& options);

/// "memory=100Mi,cpu=1" of flags. BadRequest.
Result<api::ResourceList> parseResourceList(std::string_view text);
/// "key=value,key2=value2". BadRequest.
Result<std::vector<std::pair<std::string, std::string>>> parsePairs(std::string_view text);
/// "key=value:Effect,..." of --register-with-taints. BadRequest.
Result<std::vector<api::core::v1::Taint>> parseTaints(std::string_view text);

}  // namespace coxswain::kubelet
