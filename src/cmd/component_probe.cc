#include "cmd/component_probe.h"

#include "net/http_client.h"
#include "net/tls.h"
#include "runtime/spawn.h"

namespace coxswain::cmd {
namespace {

constexpr size_t kAnswerMax = 10 << 10;
constexpr auto kPatience = 5s;

Task<Result<std::string>> ask(net::HttpClient& client, std::stop_token stop) {
  net::ClientRequest request;
  request.target = "/healthz";
  CO_TRY(auto response, co_await client.send(std::move(request), stop));
  CO_TRY(auto text, co_await response->body().readAll(kAnswerMax, stop));
  if (response->status < 200 || response->status >= 400) {
    co_return serviceUnavailable(text.empty() ? "status " + std::to_string(response->status)
                                              : std::move(text));
  }
  co_return text;
}

Task<Result<std::string>> probe(Reactor& reactor, uint16_t port, std::stop_token stop) {
  net::TlsClientOptions tls;
  tls.insecureSkipVerify = true;
  net::HttpClientOptions options;
  options.server = "https://127.0.0.1:" + std::to_string(port);
  CO_TRY(options.tls, net::TlsContext::client(tls));
  const auto url = options.server + "/healthz";
  net::HttpClient client(reactor, std::move(options));
  Deadline deadline(kPatience, std::move(stop));
  auto answer = co_await ask(client, deadline.token());
  co_await client.close();
  if (answer.ok() || answer.status().reason() == Reason::ServiceUnavailable) co_return answer;
  const std::string why = answer.status().message();
  const bool refused = why.find("refused") != std::string::npos;
  co_return serviceUnavailable(
      "Get \"" + url + "\": " +
      (refused ? "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused"
               : why));
}

}  // namespace

std::function<Task<Result<std::string>>(std::stop_token)> healthProbe(Reactor& reactor,
                                                                      uint16_t port) {
  return [&reactor, port](std::stop_token stop) { return probe(reactor, port, std::move(stop)); };
}

}  // namespace coxswain::cmd
