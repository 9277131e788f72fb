#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "net/http.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::kubelet {

/// A GET to a container.
struct HttpGet {
  std::string scheme = "http";  ///< "http" or "https" (whose certificate is not verified)
  std::string host;             ///< address or name without port
  uint16_t port = 0;
  std::string target = "/";  ///< path and query
  net::Headers headers;      ///< "Host" among them takes the place of host:port
  /// Redirects within the same host are followed (at most 10); those to others end with that
  /// answer.
  bool followRedirects = true;
};

struct HttpGetAnswer {
  int status = 0;
  std::string body;  ///< the first 10 KiB
};

/// How probes and hooks reach containers. Every call ends with the stop token (Canceled). One
/// executor. Implementations: NetTransport; tests have their own.
class ProbeTransport {
 public:
  virtual ~ProbeTransport() = default;
  virtual Task<Result<HttpGetAnswer>> get(HttpGet request, std::stop_token stop) = 0;
  /// Success: it was accepted.
  virtual Task<Status> connect(std::string host, uint16_t port, std::stop_token stop) = 0;
  /// grpc.health.v1.Health/Check; the answer's status number (1 is SERVING).
  virtual Task<Result<int>> grpcHealth(std::string host, uint16_t port, std::string service,
                                       std::stop_token stop) = 0;
};

class NetTransport final : public ProbeTransport {
 public:
  explicit NetTransport(Reactor& reactor) : reactor_(reactor) {}
  Task<Result<HttpGetAnswer>> get(HttpGet request, std::stop_token stop) override;
  Task<Status> connect(std::string host, uint16_t port, std::stop_token stop) override;
  Task<Result<int>> grpcHealth(std::string host, uint16_t port, std::string service,
                               std::stop_token stop) override;

 private:
  Reactor& reactor_;
};

/// A command in a container: CRI ExecSync, or a test.
class CommandRunner {
 public:
  struct Output {
    int exitCode = 0;
    std::string output;  ///< stdout, then stderr
  };
  virtual ~CommandRunner() = default;
  /// Timeout when `timeout` is over (0: no limit); other failures: it could not run.
  virtual Task<Result<Output>> run(std::string containerId, std::vector<std::string> command,
                                   Duration timeout, std::stop_token stop) = 0;
};

}  // namespace coxswain::kubelet
