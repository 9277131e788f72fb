#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::client {

/// Which server, who we are, how we speak. What kubeconfig and flags boil down to.
struct ClientConfig {
  /// "https://host:port", may have a path behind; "http://..." without TLS.
  std::string server;
  std::string caPem;  ///< empty: the system's roots
  std::string certificatePem;
  std::string keyPem;
  bool insecureSkipVerify = false;
  std::string tlsServerName;  ///< verified instead of the server's host

  // The first that is set speaks for us, beside the certificate.
  std::string tokenFile;  ///< read again when a minute has passed
  std::string token;
  std::string username;  ///< with `password`: basic authentication
  std::string password;

  std::string impersonateUser;
  std::vector<std::string> impersonateGroups;
  std::string impersonateUid;

  std::string userAgent = "coxswain";
  /// Who owns the fields of server-side apply; empty: the user agent up to its first "/".
  std::string fieldManager;
  bool protobuf = true;  ///< HttpClient's bodies; false: JSON
  /// Of one request that is no watch, until its headers are here. 0: none.
  Duration timeout = 60s;
  /// Told of each "Warning: 299" header's text. On the client's reactor.
  std::function<void(std::string_view)> onWarning;
  /// Told of each answer; status 0: there was none. On the client's reactor.
  std::function<void(std::string_view method, std::string_view target, int status, Duration took)>
      onAnswer;
};

/// The service account of the pod this runs in: KUBERNETES_SERVICE_HOST and _PORT, and the files
/// `folder`/{token,ca.crt}. NotFound: this is no pod.
Result<ClientConfig> inClusterConfig(
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

/// The whole file. The failure is errno's, with the path.
Result<std::string> readWholeFile(const std::string& path);

}  // namespace coxswain::client
