#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "metrics_api/prometheus_answer.h"
#include "net/http_client.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::metrics_api {

/// A Prometheus server, as far as it is asked here.
class Prometheus {
 public:
  virtual ~Prometheus() = default;
  /// Series that `selector` matches and that had samples since.
  virtual Task<Result<std::vector<SeriesLabels>>> series(std::string selector, WallTime since,
                                                         std::stop_token stop) = 0;
  /// An instant query.
  virtual Task<Result<std::vector<Sample>>> query(std::string text, WallTime at,
                                                  std::stop_token stop) = 0;
};

struct PrometheusOptions {
  std::string url;                             ///< "http://host:9090", may have a path behind
  std::shared_ptr<const net::TlsContext> tls;  ///< for https; null: the system's roots
  /// A bearer token, asked for before each request; unset: none.
  std::function<Result<std::string>()> token;
  Duration timeout = 10s;
};

/// Over HTTP. One reactor; close() before it stops.
class HttpPrometheus final : public Prometheus {
 public:
  /// BadRequest: the URL is none.
  static Result<std::unique_ptr<HttpPrometheus>> create(Reactor& reactor,
                                                        PrometheusOptions options);

  Task<Result<std::vector<SeriesLabels>>> series(std::string selector, WallTime since,
                                                 std::stop_token stop) override;
  Task<Result<std::vector<Sample>>> query(std::string text, WallTime at,
                                          std::stop_token stop) override;
  Task<void> close() { return http_.close(); }

 private:
  HttpPrometheus(Reactor& reactor, net::HttpClientOptions http, PrometheusOptions options,
                 std::string prefix);
  Task<Result<std::string>> get(std::string target, std::stop_token stop);

  PrometheusOptions options_;
  std::string prefix_;
  net::HttpClient http_;
};

}  // namespace coxswain::metrics_api
