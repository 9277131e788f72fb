#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/certs.h"

namespace coxswain::cmd {

struct PkiOptions {
  std::string folder;  ///< made with its parents if missing
  /// Names and addresses of the API server's certificate, besides localhost, 127.0.0.1, ::1 and
  /// the in-cluster names.
  std::vector<std::string> dnsNames;
  std::vector<std::string> ipAddresses;
  WallTime now{};
};

/// Keys and certificates of a cluster, made where they are missing and read where they are not.
/// Files (all 0600): ca.crt ca.key, apiserver.crt .key, apiserver-kubelet-client.crt .key,
/// sa.key sa.pub, and once asked for front-proxy-ca and front-proxy-client (.crt .key). P-256;
/// certificates last ten years.
///
/// The API server's certificate is made again when `dnsNames` or `ipAddresses` ask for what it has
/// not, or when less than a month of it is left.
class Pki {
 public:
  static Result<Pki> prepare(PkiOptions options);

  [[nodiscard]] const net::KeyPair& ca() const { return ca_; }
  [[nodiscard]] const net::KeyPair& server() const { return server_; }
  /// What the API server shows to kubelets: kube-apiserver-kubelet-client, whom a
  /// bootstrap binding gives the role system:kubelet-api-admin.
  [[nodiscard]] const net::KeyPair& kubeletClient() const { return kubeletClient_; }
  [[nodiscard]] const std::string& serviceAccountKeyPem() const { return serviceAccountKeyPem_; }
  [[nodiscard]] const std::string& folder() const { return options_.folder; }

  /// A certificate signed by the CA, kept as NAME.crt and NAME.key in the folder. `request`'s
  /// validity is filled in.
  [[nodiscard]] Result<net::KeyPair> certificate(const std::string& name,
                                                 net::CertificateRequest request) const;

  /// What the API server shows to aggregated ones, front-proxy-client of a CA of its own, made
  /// where it is missing.
  struct FrontProxy {
    std::string caPem;
    net::KeyPair client;
  };
  [[nodiscard]] Result<FrontProxy> frontProxy() const;

  /// Writes a kubeconfig (0600) of one user with a client certificate inside; `server` is
  /// "https://host:port". Replaces the file only where it would differ.
  [[nodiscard]] Status writeKubeconfig(const std::string& path, const std::string& server,
                                       const std::string& user,
                                       std::vector<std::string> groups) const;

 private:
  [[nodiscard]] Result<net::KeyPair> certificateOf(const net::KeyPair& ca, const std::string& name,
                                                   net::CertificateRequest request) const;
  [[nodiscard]] Result<net::KeyPair> authority(const std::string& file,
                                               const std::string& commonName) const;
  explicit Pki(PkiOptions options) : options_(std::move(options)) {}
  PkiOptions options_;
  net::KeyPair ca_;
  net::KeyPair server_;
  net::KeyPair kubeletClient_;
  std::string serviceAccountKeyPem_;
};

inline constexpr const char* kFrontProxyName = "front-proxy-client";

/// The whole file. NotFound, or what errno says.
Result<std::string> readFile(const std::string& path);
/// Whole or not at all, 0600; no write where the file holds this text already.
Status writeFile(const std::string& path, std::string_view text);

}  // namespace coxswain::cmd
