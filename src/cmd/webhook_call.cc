#include "cmd/webhook_call.h"

#include "client/http/kubeconfig.h"

namespace coxswain::cmd {

Result<std::unique_ptr<WebhookCall>> WebhookCall::create(Reactor& reactor,
                                                         const std::string& file) {
  auto loaded = client::KubeConfig::load(client::KubeConfigPaths::find(file));
  if (!loaded.ok()) return loaded.status().withContext(file);
  if (loaded->clusters.empty()) return badRequest(file + ": names no cluster to ask");
  auto resolved = client::resolveConfig(*loaded);
  if (!resolved.ok()) return resolved.status().withContext(file);
  resolved->client.protobuf = false;
  resolved->client.timeout = 30s;
  auto rest = client::RestClient::create(reactor, std::move(resolved->client));
  if (!rest.ok()) return rest.status().withContext(file);
  return std::unique_ptr<WebhookCall>(new WebhookCall(std::move(*rest)));
}

Task<Result<std::string>> WebhookCall::post(std::string body, std::stop_token stop) {
  client::RestRequest request;
  request.method = "POST";
  // The service's own path is all there is.
  const auto& server = rest_->config().server;
  const auto host = server.find("://") + 3;
  if (server.find('/', host) != std::string::npos) request.path.clear();
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Accept", "application/json");
  request.body = std::move(body);
  CO_TRY(auto answer, co_await rest_->call(std::move(request), stop));
  co_return std::move(answer.body);
}

std::function<Task<Result<std::string>>(std::string, std::stop_token)> WebhookCall::function() {
  return [this](std::string body, std::stop_token stop) {
    return post(std::move(body), std::move(stop));
  };
}

Task<void> WebhookCall::close() {
  co_await rest_->close();
}

}  // namespace coxswain::cmd
