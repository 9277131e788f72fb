#include "apiserver/kubelet_proxy/stream_handlers.h"

#include "apiserver/kubelet_proxy/pod_target.h"
#include "apiserver/kubelet_proxy/reverse_proxy.h"
#include "apiserver/server/exchange.h"
#include "net/websocket/websocket.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"
#include "streaming/splice.h"
#include "streaming/tunnel.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;

constexpr std::string_view kWebSocketV5 = "v5.channel.k8s.io";
constexpr Duration kLinger = 10s;

bool offers(const net::Request& request, std::string_view protocol) {
  return net::isWebSocketRequest(request) &&
         request.headers.hasToken("Sec-WebSocket-Protocol", protocol);
}

bool isTrue(std::string_view text) {
  return text == "1" || text == "t" || text == "T" || text == "true" || text == "TRUE" ||
         text == "True";
}

Status cannotReach(const Pod& pod, const Status& why) {
  if (!isUnreachable(why)) return why;
  return Status(Reason::Unknown, 500,
                "error dialing backend: node " + pod.spec.nodeName + ": " + why.message());
}

std::string withQuery(std::string path, const net::Query& query) {
  return query.empty() ? path : path + "?" + query.encode();
}

/// WebSocket here, SPDY there.
Task<Status> translate(Exchange& exchange, const Pod& pod, net::HttpClient& kubelet,
                       std::string target, const net::Query& query) {
  CO_TRY(auto streams, streaming::streamsOfKubeletQuery(query));
  net::ClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  auto stop = exchange.request.stop;
  auto far = co_await streaming::dialRemoteCommand(streaming::Transport::Spdy, kubelet,
                                                   std::move(request), streams, stop);
  if (!far.ok()) co_return cannotReach(pod, far.status());
  auto near =
      co_await streaming::acceptRemoteCommand(exchange.request, exchange.response, streams, stop);
  if (!near.ok()) {
    co_await (*far)->close();
    co_return Status();  // the client has been answered
  }
  co_await streaming::bridge(**near, **far, stop);
  co_return Status();
}

Task<Status> passThrough(Exchange& exchange, const Pod& pod, net::HttpClient& kubelet,
                         std::string target) {
  Status status = co_await streaming::proxyUpgrade(exchange.request, exchange.response, kubelet,
                                                   std::move(target), net::Headers());
  co_return status.ok() ? status : cannotReach(pod, status);
}

/// The SPDY connection inside of a WebSocket, put on a connection of its own.
Task<Status> untunnel(Exchange& exchange, const Pod& pod, net::HttpClient& kubelet,
                      std::string target) {
  net::ClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers.add("Connection", "Upgrade");
  request.headers.add("Upgrade", "SPDY/3.1");
  request.headers.add("X-Stream-Protocol-Version", std::string(streaming::kPortForwardProtocol));
  auto stop = exchange.request.stop;
  auto answer = co_await kubelet.sendForUpgrade(std::move(request), stop);
  if (!answer.ok()) co_return cannotReach(pod, answer.status());
  if ((*answer)->status != 101) {
    CO_TRY(auto text, co_await (*answer)->body().readAll(1 << 16, stop));
    co_return kubeletFailure((*answer)->status, std::move(text));
  }
  auto far = (*answer)->takeStream();
  std::vector<std::string> protocols{std::string(streaming::kTunnelProtocol)};
  auto socket = co_await net::acceptWebSocket(exchange.request, exchange.response, protocols);
  if (!socket.ok()) {
    far->close();
    co_return Status();
  }
  auto near = streaming::tunnelOver(std::move(*socket));
  co_await streaming::splice(*near, *far, kLinger, stop);
  co_return Status();
}

}  // namespace

net::Query kubeletCommandQuery(const net::Query& asked) {
  net::Query query;
  for (const auto& word : asked.all("command")) query.add("command", word);
  constexpr std::pair<const char*, const char*> kStreams[] = {
      {"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};
  for (auto [from, to] : kStreams) {
    if (isTrue(asked.get(from))) query.add(to, "1");
  }
  return query;
}

Task<Status> CommandHandler::serve(Exchange& exchange) {
  CO_TRY(auto object, exchange.registry->get(exchange.info.ns, exchange.info.name));
  const auto& pod = *object.as<Pod>();
  CO_TRY(auto asked, net::Query::parse(exchange.request.query));
  CO_TRY(auto container, chooseContainer(pod, asked.get("container")));
  const auto& phase = pod.status.phase;
  if (action_ == "exec" && (phase == "Succeeded" || phase == "Failed")) {
    co_return badRequest("cannot exec into a container in a completed pod; current phase is " +
                         phase);
  }
  CO_TRY(auto kubelet, kubeletOf(sources_, pod));
  auto query = kubeletCommandQuery(asked);
  if (action_ == "exec" && query.all("command").empty()) {
    co_return badRequest("you must specify at least one command for the container");
  }
  if (!asksForUpgrade(exchange.request)) co_return badRequest("Upgrade request required");
  auto target = withQuery(kubeletPath(action_, pod, container), query);
  if (offers(exchange.request, kWebSocketV5)) {
    co_return co_await translate(exchange, pod, *kubelet, std::move(target), query);
  }
  co_return co_await passThrough(exchange, pod, *kubelet, std::move(target));
}

Task<Status> PortForwardHandler::serve(Exchange& exchange) {
  CO_TRY(auto object, exchange.registry->get(exchange.info.ns, exchange.info.name));
  const auto& pod = *object.as<Pod>();
  CO_TRY(auto asked, net::Query::parse(exchange.request.query));
  CO_TRY(auto kubelet, kubeletOf(sources_, pod));
  if (!asksForUpgrade(exchange.request)) co_return badRequest("Upgrade request required");
  net::Query query;
  for (const auto& ports : asked.all("ports")) query.add("port", ports);
  auto target = withQuery(kubeletPath("portForward", pod, ""), query);
  if (offers(exchange.request, streaming::kTunnelProtocol)) {
    co_return co_await untunnel(exchange, pod, *kubelet, std::move(target));
  }
  co_return co_await passThrough(exchange, pod, *kubelet, std::move(target));
}

}  // namespace coxswain::apiserver
