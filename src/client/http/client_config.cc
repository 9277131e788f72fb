#include "client/http/client_config.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace coxswain::client {

Result<std::string> readWholeFile(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return errnoStatus("open " + path, errno != 0 ? errno : EIO);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return errnoStatus("read " + path, errno != 0 ? errno : EISDIR);
  return text;
}

Result<ClientConfig> inClusterConfig(const std::string& folder) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr || *host == 0 || *port == 0) {
    return Status(Reason::NotFound, 404,
                  "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
                  "KUBERNETES_SERVICE_PORT must be defined");
  }
  ClientConfig config;
  const std::string address(host);
  const bool v6 = address.find(':') != std::string::npos;
  config.server = "https://" + (v6 ? "[" + address + "]" : address) + ":" + port;
  config.tokenFile = folder + "/token";
  TRY(auto token, readWholeFile(config.tokenFile));
  if (token.empty()) return badRequest(config.tokenFile + " is empty");
  TRY(config.caPem, readWholeFile(folder + "/ca.crt"));
  return config;
}

}  // namespace coxswain::client
