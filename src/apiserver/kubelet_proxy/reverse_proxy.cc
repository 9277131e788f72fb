#include "apiserver/kubelet_proxy/reverse_proxy.h"

#include "apiserver/server/exchange.h"
#include "apiserver/server/load.h"
#include "streaming/splice.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kRequestBytesMax = 16 << 20;

/// Of one connection only (RFC 9110, 7.6.1), or ours to set.
bool ofConnection(std::string_view name) {
  for (std::string_view one :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "TE", "Trailer",
        "Upgrade", "Host", "Content-Length", "Proxy-Authenticate", "Proxy-Authorization"}) {
    if (net::equalNoCase(name, one)) return true;
  }
  return false;
}

bool ofUser(std::string_view name) {
  return net::equalNoCase(name, "Authorization") || net::equalNoCase(name, "Cookie");
}

std::string forwardedFor(const net::Request& request) {
  auto before = request.headers.get("X-Forwarded-For");
  auto colon = request.peerAddress.rfind(':');
  auto peer = request.peerAddress.substr(0, colon);
  return before.empty() ? peer : std::string(before) + ", " + peer;
}

net::Headers answerHeaders(const net::ClientResponse& answer, const std::string& prefix) {
  net::Headers headers;
  for (const auto& [name, value] : answer.headers) {
    if (ofConnection(name) || net::equalNoCase(name, "Date")) continue;
    if (!prefix.empty() && net::equalNoCase(name, "Location") && value.starts_with('/')) {
      headers.add(name, prefix + value);
    } else {
      headers.add(name, value);
    }
  }
  return headers;
}

}  // namespace

bool asksForUpgrade(const net::Request& request) {
  return request.headers.has("Upgrade") && request.headers.hasToken("Connection", "Upgrade");
}

Task<Status> copyBody(net::ClientResponse& from, net::ResponseWriter& to, std::stop_token stop) {
  while (true) {
    CO_TRY(auto piece, co_await from.body().read(stop));
    if (piece.empty()) break;
    CO_TRY_STATUS(co_await to.write(piece));
  }
  co_return co_await to.end();
}

Task<Status> proxyRequest(Exchange& exchange, ProxyTarget target) {
  auto& request = exchange.request;
  auto& response = exchange.response;
  if (asksForUpgrade(request)) {
    Status status = co_await streaming::proxyUpgrade(request, response, *target.client,
                                                     std::move(target.target), net::Headers());
    if (!status.ok() && isUnreachable(status)) {
      co_return serviceUnavailable("error trying to reach service: " + status.message());
    }
    co_return status;
  }
  net::ClientRequest forward;
  forward.method = request.method;
  forward.target = std::move(target.target);
  for (const auto& [name, value] : request.headers) {
    if (ofConnection(name) || net::equalNoCase(name, "X-Forwarded-For")) continue;
    if (!target.userHeaders && ofUser(name)) continue;
    forward.headers.add(name, value);
  }
  forward.headers.add("X-Forwarded-For", forwardedFor(request));
  CO_TRY(forward.body, co_await readRawBody(exchange, kRequestBytesMax));
  auto answer = co_await target.client->send(std::move(forward), request.stop);
  exchange.bodyBytes.reset();
  if (!answer.ok()) {
    if (!isUnreachable(answer.status())) co_return answer.status();
    co_return serviceUnavailable("error trying to reach service: " + answer.status().message());
  }
  CO_TRY_STATUS(co_await response.start((*answer)->status, answerHeaders(**answer, target.prefix)));
  co_return co_await copyBody(**answer, response, request.stop);
}

}  // namespace coxswain::apiserver
