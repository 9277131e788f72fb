#include <algorithm>

#include "api/codec/protobuf.h"
#include "base/text.h"
#include "kubelet/prober/gen/grpc_health.h"
#include "kubelet/prober/transport.h"
#include "kubelet/prober/url.h"
#include "net/grpc/grpc.h"
#include "net/http_client.h"
#include "net/stream.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kBodyMax = 10 << 10;
constexpr int kRedirectsMax = 10;

std::string endpointOf(const std::string& host, uint16_t port) {
  WebAddress address;
  address.host = host;
  address.port = port;
  return address.authority();
}

/// Connection failures in Go's words, which are what users know from events.
Status goDialError(const Status& status, const std::string& endpoint) {
  if (isCanceled(status)) return status;
  const std::string prefix = "dial " + endpoint + ": ";
  std::string why = status.message();
  if (why.starts_with(prefix)) {
    why.erase(0, prefix.size());
    if (!why.empty()) why[0] = lowerCase(why[0]);
    return Status(status.reason(), status.code(), "dial tcp " + endpoint + ": connect: " + why);
  }
  const bool ended = why.find("unexpected end of stream in header") != std::string::npos ||
                     why.find("server closed idle connection") != std::string::npos;
  if (ended) return Status(status.reason(), status.code(), "EOF");
  return status;
}

bool isRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

struct Fetched {
  HttpGetAnswer answer;
  std::string location;
};

Task<Result<Fetched>> readAnswer(net::HttpClient& client, net::ClientRequest request,
                                 std::stop_token stop) {
  CO_TRY(auto response, co_await client.send(std::move(request), stop));
  Fetched fetched;
  fetched.answer.status = response->status;
  fetched.location = response->headers.get("location");
  while (fetched.answer.body.size() < kBodyMax) {
    CO_TRY(const auto piece, co_await response->body().read(stop));
    if (piece.empty()) break;
    fetched.answer.body += piece;
  }
  fetched.answer.body.resize(std::min(fetched.answer.body.size(), kBodyMax));
  co_return fetched;
}

Task<Result<Fetched>> fetch(Reactor& reactor, WebAddress address, net::Headers headers,
                            std::stop_token stop) {
  net::HttpClientOptions options;
  options.server = address.scheme + "://" + address.authority();
  options.http2 = false;
  options.host = std::string(headers.get("host"));
  headers.remove("host");
  if (address.scheme == "https") {
    net::TlsClientOptions tls;
    tls.insecureSkipVerify = true;
    tls.alpn.clear();
    CO_TRY(options.tls, net::TlsContext::client(tls));
  }
  headers.set("connection", "close");
  net::ClientRequest request;
  request.target = address.target;
  request.headers = std::move(headers);
  net::HttpClient client(reactor, options);
  auto fetched = co_await readAnswer(client, std::move(request), stop);
  co_await client.close();
  if (!fetched.ok()) co_return goDialError(fetched.status(), address.authority());
  co_return fetched;
}

}  // namespace

Task<Result<HttpGetAnswer>> NetTransport::get(HttpGet request, std::stop_token stop) {
  WebAddress address;
  address.scheme = request.scheme;
  address.host = request.host;
  address.port = request.port;
  address.target = encodeTarget(request.target);
  const std::string firstHost = address.host;
  for (int redirects = 0;; ++redirects) {
    CO_TRY(auto fetched, co_await fetch(reactor_, address, request.headers, stop));
    if (!request.followRedirects || !isRedirect(fetched.answer.status)) {
      co_return std::move(fetched.answer);
    }
    const auto next = resolveLocation(address, fetched.location);
    if (!next || next->host != firstHost) co_return std::move(fetched.answer);
    if (redirects == kRedirectsMax - 1) co_return badRequest("stopped after 10 redirects");
    address = *next;
  }
}

Task<Status> NetTransport::connect(std::string host, uint16_t port, std::stop_token stop) {
  const std::string endpoint = endpointOf(host, port);
  auto stream = co_await net::dial(reactor_, endpoint, stop);
  if (!stream.ok()) co_return goDialError(stream.status(), endpoint);
  (*stream)->close();
  co_return Status();
}

Task<Result<int>> NetTransport::grpcHealth(std::string host, uint16_t port, std::string service,
                                           std::stop_token stop) {
  const std::string endpoint = endpointOf(host, port);
  net::HttpClientOptions options;
  options.server = "http://" + endpoint;
  options.http2Always = true;
  net::grpc::Channel channel(reactor_, options);
  health::HealthCheckRequest request;
  request.service = std::move(service);
  std::string bytes = api::encodeProtobuf(request);
  auto answer = co_await channel.call("/grpc.health.v1.Health/Check", std::move(bytes), {}, stop);
  co_await channel.close();
  if (!answer.ok()) co_return goDialError(answer.status(), endpoint);
  CO_TRY(const auto response, api::decodeProtobuf<health::HealthCheckResponse>(*answer));
  co_return static_cast<int>(response.status);
}

}  // namespace coxswain::kubelet
