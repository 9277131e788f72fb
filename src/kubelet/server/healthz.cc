#include "kubelet/server/answers.h"
#include "kubelet/server/kubelet_server.h"
#include "net/url.h"

namespace coxswain::kubelet::server {

Task<Status> answerText(net::ResponseWriter& response, int code, std::string text) {
  net::Headers headers;
  headers.add("Content-Type", "text/plain; charset=utf-8");
  headers.add("X-Content-Type-Options", "nosniff");
  co_return co_await response.respond(code, std::move(headers), std::move(text));
}

Task<Status> answerJson(net::ResponseWriter& response, std::string json) {
  net::Headers headers;
  headers.add("Content-Type", "application/json");
  co_return co_await response.respond(200, std::move(headers), std::move(json));
}

Task<Status> answerMetrics(net::ResponseWriter& response, std::string text) {
  net::Headers headers;
  headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  co_return co_await response.respond(200, std::move(headers), std::move(text));
}

Task<Status> answerFailure(net::ResponseWriter& response, const Status& why) {
  int code = why.code() >= 400 && why.code() < 600 ? why.code() : 500;
  co_return co_await answerText(response, code, why.message());
}

Task<void> HealthzHandler::serve(net::Request& request, net::ResponseWriter& response) {
  Status sent;
  std::string_view path = request.path;
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  Status loop = backend_.syncLoopHealthy();
  if (path == "/healthz/ping" || path == "/healthz/log" ||
      (path == "/healthz/syncloop" && loop.ok())) {
    sent = co_await answerText(response, 200, "ok");
  } else if (path == "/healthz/syncloop") {
    sent = co_await answerText(response, 500, "internal server error: " + loop.message() + "\n");
  } else if (path != "/healthz") {
    sent = co_await answerText(response, 404, "404: Page Not Found");
  } else {
    auto query = net::Query::parse(request.query);
    bool verbose = query.ok() && query->find("verbose").has_value();
    std::string report = "[+]ping ok\n[+]log ok\n";
    report += loop.ok() ? "[+]syncloop ok\n" : "[-]syncloop failed: reason withheld\n";
    report += loop.ok() ? "healthz check passed\n" : "healthz check failed\n";
    sent =
        co_await answerText(response, loop.ok() ? 200 : 500, loop.ok() && !verbose ? "ok" : report);
  }
}

}  // namespace coxswain::kubelet::server
