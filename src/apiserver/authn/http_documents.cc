#include "apiserver/authn/http_documents.h"

#include "net/url.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kDocumentMax = 1 << 20;
constexpr int kRedirectsMax = 5;

bool isRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Result<std::unique_ptr<HttpDocuments>> HttpDocuments::create(Reactor& reactor,
                                                             const std::string& caPem) {
  net::TlsClientOptions options;
  options.caPem = caPem;
  TRY(auto tls, net::TlsContext::client(options));
  return std::unique_ptr<HttpDocuments>(new HttpDocuments(reactor, std::move(tls)));
}

net::HttpClient& HttpDocuments::clientOf(const std::string& host) {
  auto& client = clients_[host];
  if (!client) {
    net::HttpClientOptions options;
    options.server = "https://" + host;
    options.tls = tls_;
    options.idleConnectionsMax = 1;
    options.idleTimeout = 10s;
    client = std::make_unique<net::HttpClient>(reactor_, std::move(options));
  }
  return *client;
}

Task<Result<std::string>> HttpDocuments::get(std::string url, std::stop_token stop) {
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    CO_TRY(auto parts, net::parseUrl(url));
    if (parts.scheme != "https") co_return badRequest("GET " + url + ": not https");
    net::ClientRequest request;
    request.target = parts.target;
    request.headers = {{"Accept", "application/json"}};
    auto response = co_await clientOf(parts.host).send(std::move(request), stop);
    if (!response.ok()) co_return response.status().withContext("GET " + url);
    auto& answer = **response;
    if (isRedirect(answer.status)) {
      std::string target(answer.headers.get("Location"));
      url = target.starts_with('/') ? "https://" + parts.host + target : std::move(target);
      continue;
    }
    auto body = co_await answer.body().readAll(kDocumentMax, stop);
    if (!body.ok()) co_return body.status().withContext("GET " + url);
    if (answer.status != 200) {
      co_return unreachable("GET " + url + ": status " + std::to_string(answer.status));
    }
    co_return std::move(*body);
  }
  co_return unreachable("GET " + url + ": too many redirects");
}

Task<void> HttpDocuments::close() {
  for (auto& [host, client] : clients_) co_await client->close();
}

}  // namespace coxswain::apiserver
