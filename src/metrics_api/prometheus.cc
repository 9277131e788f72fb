#include "metrics_api/prometheus.h"

#include "net/url.h"
#include "runtime/spawn.h"

namespace coxswain::metrics_api {
namespace {

constexpr size_t kAnswerBytesMax = 64U << 20;

std::string secondsOf(WallTime when) {
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
  const auto rest = std::to_string(1000 + millis % 1000).substr(1);
  return std::to_string(millis / 1000) + "." + rest;
}

}  // namespace

Result<std::unique_ptr<HttpPrometheus>> HttpPrometheus::create(Reactor& reactor,
                                                               PrometheusOptions options) {
  TRY(auto url, net::parseUrl(options.url));
  if (url.scheme != "http" && url.scheme != "https") {
    return badRequest("\"" + options.url + "\" is neither http nor https");
  }
  net::HttpClientOptions http;
  http.server = url.scheme + "://" + url.host;
  http.tls = options.tls;
  auto prefix = url.target.substr(0, url.target.find('?'));
  while (prefix.ends_with('/')) prefix.pop_back();
  return std::unique_ptr<HttpPrometheus>(
      new HttpPrometheus(reactor, std::move(http), std::move(options), std::move(prefix)));
}

HttpPrometheus::HttpPrometheus(Reactor& reactor, net::HttpClientOptions http,
                               PrometheusOptions options, std::string prefix)
    : options_(std::move(options)), prefix_(std::move(prefix)), http_(reactor, std::move(http)) {}

Task<Result<std::string>> HttpPrometheus::get(std::string target, std::stop_token stop) {
  net::ClientRequest request;
  request.target = prefix_ + target;
  request.headers.add("Accept", "application/json");
  if (options_.token) {
    CO_TRY(const auto token, options_.token());
    request.headers.add("Authorization", "Bearer " + token);
  }
  Deadline deadline(options_.timeout, stop);
  auto response = co_await http_.send(std::move(request), deadline.token());
  if (!response.ok()) {
    if (deadline.expired()) co_return unreachable("Prometheus did not answer in time");
    co_return response.status().withContext("Prometheus");
  }
  auto body = co_await (*response)->body().readAll(kAnswerBytesMax, deadline.token());
  if (!body.ok()) co_return body.status().withContext("Prometheus");
  // Failures of queries (400, 422, 503) say why in the body.
  const int status = (*response)->status;
  if (status != 200 && !body->starts_with('{')) {
    co_return serviceUnavailable("Prometheus answered " + std::to_string(status));
  }
  co_return std::move(*body);
}

Task<Result<std::vector<SeriesLabels>>> HttpPrometheus::series(std::string selector, WallTime since,
                                                               std::stop_token stop) {
  net::Query query;
  query.add("match[]", std::move(selector));
  query.add("start", secondsOf(since));
  CO_TRY(auto body, co_await get("/api/v1/series?" + query.encode(), std::move(stop)));
  co_return parseSeriesAnswer(body);
}

Task<Result<std::vector<Sample>>> HttpPrometheus::query(std::string text, WallTime at,
                                                        std::stop_token stop) {
  net::Query query;
  query.add("query", std::move(text));
  query.add("time", secondsOf(at));
  CO_TRY(auto body, co_await get("/api/v1/query?" + query.encode(), std::move(stop)));
  co_return parseQueryAnswer(body);
}

}  // namespace coxswain::metrics_api
