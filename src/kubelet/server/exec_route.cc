#include <charconv>

#include "kubelet/server/answers.h"
#include "kubelet/server/container_route.h"
#include "net/http_client.h"
#include "net/websocket/websocket.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"
#include "streaming/splice.h"
#include "streaming/tunnel.h"

namespace coxswain::kubelet::server {
namespace {

Status noSuchPod() {
  return Status(Reason::NotFound, 404, "pod does not exist");
}

StreamFlags flagsOf(const streaming::StreamSet& set) {
  return {set.stdin_, set.stdout_, set.stderr_, set.tty};
}

/// The runtime's streaming server, for one session.
struct Runtime {
  Runtime(Reactor& reactor, const net::Url& url)
      : client(reactor, optionsFor(url)), target(url.target) {}
  static net::HttpClientOptions optionsFor(const net::Url& url) {
    net::HttpClientOptions options;
    options.server = url.scheme + "://" + url.host;
    options.http2 = false;
    return options;
  }
  net::HttpClient client;
  streaming::HttpUpgrader upgrader{client};
  std::string target;
};

/// SPDY clients are passed through; WebSocket ones are translated, since the runtime's WebSocket
/// cannot half-close stdin.
Task<Status> connect(RouteContext context, streaming::StreamSet streams, std::string url) {
  CO_TRY(auto parsed, net::parseUrl(url));
  Runtime runtime(context.reactor, parsed);
  auto stop = context.request.stop;
  if (!net::isWebSocketRequest(context.request)) {
    Status passed = co_await streaming::proxyUpgrade(context.request, context.response,
                                                     runtime.client, runtime.target, {});
    co_await runtime.client.close();
    co_return passed;
  }
  auto server =
      co_await streaming::acceptRemoteCommand(context.request, context.response, streams, stop);
  if (!server.ok()) co_return Status();  // it has been answered
  net::ClientRequest request;
  request.target = runtime.target;
  auto client = co_await streaming::dialRemoteCommand(streaming::Transport::Spdy, runtime.client,
                                                      std::move(request), streams, stop);
  if (client.ok()) {
    auto outcome = co_await streaming::bridge(**server, **client, stop);
  } else {
    auto failed = streaming::Outcome::failed(internalError(client.status().message()));
    Status told = co_await (*server)->finish(failed, stop);
    co_await (*server)->close();
  }
  co_await runtime.client.close();
  co_return Status();
}

struct Session {
  streaming::StreamSet streams;
  net::Query query;
  std::string containerId;
};

Task<Result<Session>> prepare(RouteContext context, ContainerAddress address) {
  Session out;
  CO_TRY(out.query, net::Query::parse(context.request.query));
  CO_TRY(out.streams, streaming::streamsOfKubeletQuery(out.query));
  if (!context.backend.findPod(address.podNamespace, address.podName, address.podUid))
    co_return noSuchPod();
  if (!streaming::isStreamingRequest(context.request))
    co_return badRequest("Upgrade request required");
  CO_TRY(out.containerId, co_await context.backend.findContainer(address, context.request.stop));
  co_return std::move(out);
}

Task<Status> tunnelPorts(RouteContext context, Runtime& runtime) {
  auto stop = context.request.stop;
  net::ClientRequest request;
  request.method = "POST";
  request.target = runtime.target;
  request.headers.add("Connection", "Upgrade");
  request.headers.add("Upgrade", "SPDY/3.1");
  request.headers.add("X-Stream-Protocol-Version", std::string(streaming::kPortForwardProtocol));
  CO_TRY(auto answer, co_await runtime.client.sendForUpgrade(std::move(request), stop));
  if (answer->status != 101) {
    auto body = co_await answer->body().readAll(64 * 1024, stop);
    co_return Status(Reason::Unknown, answer->status, body.ok() ? *body : std::string());
  }
  auto far = answer->takeStream();
  std::vector<std::string> protocols = {std::string(streaming::kTunnelProtocol)};
  auto socket =
      co_await net::acceptWebSocket(context.request, context.response, std::move(protocols));
  if (!socket.ok()) co_return Status();  // it has been answered
  auto near = streaming::tunnelOver(std::move(*socket));
  co_await streaming::splice(*near, *far, 5s, stop);
  co_return Status();
}

Result<std::vector<int32_t>> portsOf(const net::Query& query) {
  std::vector<int32_t> out;
  for (const auto& text : query.all("port")) {
    int32_t port = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || port < 1 ||
        port > 65535)
      return badRequest("unable to parse \"" + text + "\" as a port");
    out.push_back(port);
  }
  return out;
}

}  // namespace

std::optional<ContainerAddress> parseAddress(const std::vector<std::string>& segments,
                                             bool withContainer) {
  size_t plain = withContainer ? 3 : 2;
  if (segments.size() != plain && segments.size() != plain + 1) return std::nullopt;
  ContainerAddress out;
  out.podNamespace = segments[0];
  out.podName = segments[1];
  if (segments.size() == plain + 1) out.podUid = segments[2];
  if (withContainer) out.container = segments.back();
  return out;
}

Task<Status> serveExec(RouteContext context, ContainerAddress address) {
  CO_TRY(auto session, co_await prepare(context, address));
  auto command = session.query.all("command");
  if (command.empty()) co_return badRequest("you must specify a command");
  CO_TRY(auto url,
         co_await context.backend.execUrl(session.containerId, std::move(command),
                                          flagsOf(session.streams), context.request.stop));
  co_return co_await connect(context, session.streams, std::move(url));
}

Task<Status> serveAttach(RouteContext context, ContainerAddress address) {
  CO_TRY(auto session, co_await prepare(context, address));
  CO_TRY(auto url, co_await context.backend.attachUrl(session.containerId, flagsOf(session.streams),
                                                      context.request.stop));
  co_return co_await connect(context, session.streams, std::move(url));
}

Task<Status> servePorts(RouteContext context, ContainerAddress address) {
  auto stop = context.request.stop;
  CO_TRY(auto query, net::Query::parse(context.request.query));
  CO_TRY(auto ports, portsOf(query));
  if (!context.backend.findPod(address.podNamespace, address.podName, "")) co_return noSuchPod();
  if (!context.backend.findPod(address.podNamespace, address.podName, address.podUid))
    co_return Status(Reason::NotFound, 404, "pod not found");
  if (!streaming::isStreamingRequest(context.request))
    co_return badRequest("Upgrade request required");
  CO_TRY(auto sandbox, co_await context.backend.findSandbox(address.podNamespace, address.podName,
                                                            address.podUid, stop));
  CO_TRY(auto url, co_await context.backend.portForwardUrl(sandbox, std::move(ports), stop));
  CO_TRY(auto parsed, net::parseUrl(url));
  Runtime runtime(context.reactor, parsed);
  bool tunnel =
      net::isWebSocketRequest(context.request) &&
      context.request.headers.hasToken("Sec-WebSocket-Protocol", streaming::kTunnelProtocol);
  Status served = tunnel ? co_await tunnelPorts(context, runtime)
                         : co_await streaming::proxyUpgrade(context.request, context.response,
                                                            runtime.client, runtime.target, {});
  co_await runtime.client.close();
  co_return served;
}

Task<Status> serveRun(RouteContext context, ContainerAddress address) {
  auto stop = context.request.stop;
  CO_TRY(auto query, net::Query::parse(context.request.query));
  if (!context.backend.findPod(address.podNamespace, address.podName, address.podUid))
    co_return noSuchPod();
  // As upstream: one parameter, cut at spaces.
  std::vector<std::string> command;
  std::string_view rest;
  auto text = query.get("cmd");
  for (rest = text; !rest.empty();) {
    auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    command.emplace_back(word);
  }
  if (command.empty()) co_return badRequest("you must specify a command");
  CO_TRY(auto id, co_await context.backend.findContainer(address, stop));
  CO_TRY(auto output, co_await context.backend.execSync(id, command, Duration(), stop));
  if (output.exitCode != 0)
    co_return Status(Reason::Unknown, 500,
                     "command '" + text + "' exited with " + std::to_string(output.exitCode) +
                         ": " + output.stderr_);
  co_return co_await answerJson(context.response, output.stdout_ + output.stderr_);
}

}  // namespace coxswain::kubelet::server
