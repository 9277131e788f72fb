#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/stream.h"

namespace coxswain::net {

struct TlsServerOptions {
  std::string certificatePem;  ///< leaf first, then intermediates
  std::string keyPem;
  /// Clients are asked for a certificate, none is refused: see TlsInfo::peerVerified.
  bool requestClientCertificate = true;
  /// What TlsInfo::peerVerified is checked against; empty: nobody is verified.
  std::string clientCaPem;
  std::vector<std::string> alpn = {"h2", "http/1.1"};
};

struct TlsClientOptions {
  std::string caPem;  ///< empty: the system's
  std::string certificatePem;
  std::string keyPem;
  bool insecureSkipVerify = false;
  std::string serverName;  ///< verified and sent; empty: the host dialled
  std::vector<std::string> alpn = {"h2", "http/1.1"};
};

/// Keys and rules of one side, shared by its connections. TLS 1.2 and 1.3. Immutable, any thread;
/// replace it to rotate certificates.
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> server(const TlsServerOptions& options);
  static Result<std::shared_ptr<const TlsContext>> client(const TlsClientOptions& options);
  ~TlsContext();

  /// Handshakes over `raw`, which must come from Listener or dial. Unreachable, Canceled.
  Task<Result<std::unique_ptr<Stream>>> accept(std::unique_ptr<Stream> raw,
                                               std::stop_token stop) const;
  /// `host` is a DNS name or an address without port. Without `offerHttp2`, ALPN has no "h2".
  Task<Result<std::unique_ptr<Stream>>> connect(std::unique_ptr<Stream> raw, std::string host,
                                                bool offerHttp2, std::stop_token stop) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::net
