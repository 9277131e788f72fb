#include "apiserver/kubelet_proxy/proxy_handlers.h"

#include <charconv>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "apiserver/kubelet_proxy/log_handler.h"
#include "apiserver/kubelet_proxy/reverse_proxy.h"
#include "apiserver/kubelet_proxy/stream_handlers.h"
#include "apiserver/server/exchange.h"
#include "net/url.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Endpoints;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Service;

std::optional<int32_t> portNumber(std::string_view text) {
  int32_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || port < 1 || port > 65535) return std::nullopt;
  return port;
}

std::string endpointOf(const std::string& ip, int32_t port) {
  const bool v6 = ip.find(':') != std::string::npos;
  return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

/// Nobody is led to this machine itself through an object that anybody may write.
bool mayProxyTo(const std::string& ip) {
  auto parsed = api::parseIp(ip);
  return parsed && !parsed->isLoopback() && !parsed->isLinkLocalUnicast() &&
         !parsed->isLinkLocalMulticast() && !parsed->isUnspecified();
}

/// The part of the path behind ".../proxy", as it was sent.
std::string_view behindProxy(std::string_view path) {
  auto at = path.find("/proxy");
  while (at != std::string_view::npos) {
    auto rest = path.substr(at + 6);
    // Not a namespace or an object of that name: those are followed by what is asked of them.
    const bool kind = path.substr(0, at).find("/nodes/") != std::string_view::npos ||
                      path.substr(0, at).find("/pods/") != std::string_view::npos ||
                      path.substr(0, at).find("/services/") != std::string_view::npos;
    if (kind && (rest.empty() || rest.front() == '/')) return rest;
    at = path.find("/proxy", at + 1);
  }
  return {};
}

/// Without a slash behind "proxy" relative links of a page would lead elsewhere.
bool wantsSlash(const net::Request& request, std::string_view rest) {
  return rest.empty() && (request.method == "GET" || request.method == "HEAD") &&
         !asksForUpgrade(request);
}

Task<Status> redirectToSlash(Exchange& exchange) {
  auto target = exchange.request.path + "/";
  if (!exchange.request.query.empty()) target += "?" + exchange.request.query;
  net::Headers headers{{"Location", std::move(target)}};
  co_return co_await exchange.response.respond(301, std::move(headers), "");
}

ProxyTarget targetOf(const Exchange& exchange, std::shared_ptr<net::HttpClient> client) {
  const auto& path = exchange.request.path;
  auto rest = behindProxy(path);
  ProxyTarget target;
  target.client = std::move(client);
  target.target = rest.empty() ? "/" : std::string(rest);
  if (!exchange.request.query.empty()) target.target += "?" + exchange.request.query;
  target.prefix = path.substr(0, path.size() - rest.size());
  return target;
}

/// The port that names or numbers mean. BadRequest.
Result<int32_t> podPort(const Pod& pod, const std::string& asked) {
  if (!asked.empty()) {
    auto number = portNumber(asked);
    if (!number)
      return badRequest("invalid pod request \"" + pod.metadata.name + ":" + asked + "\"");
    return *number;
  }
  for (const auto& container : pod.spec.containers) {
    if (!container.ports.empty()) return container.ports.front().containerPort;
  }
  return 80;
}

struct Address {
  std::string ip;
  int32_t port = 0;
};

/// Ready addresses of the subsets' port of that name (or number).
std::vector<Address> addressesOf(const Endpoints& endpoints, const std::string& portName) {
  std::vector<Address> found;
  for (const auto& subset : endpoints.subsets) {
    for (const auto& port : subset.ports) {
      if (port.name != portName) continue;
      for (const auto& address : subset.addresses) found.push_back({address.ip, port.port});
    }
  }
  return found;
}

}  // namespace

std::optional<ProxyName> parseProxyName(std::string_view text) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (true) {
    auto colon = text.find(':', from);
    parts.emplace_back(text.substr(from, colon == std::string_view::npos ? colon : colon - from));
    if (colon == std::string_view::npos) break;
    from = colon + 1;
  }
  ProxyName name;
  if (parts.size() == 1) {
    name.name = parts[0];
  } else if (parts.size() == 2) {
    name.name = parts[0];
    name.port = parts[1];
  } else if (parts.size() == 3) {
    name.scheme = parts[0];
    name.name = parts[1];
    name.port = parts[2];
  }
  const bool known = name.scheme.empty() || name.scheme == "http" || name.scheme == "https";
  if (name.name.empty() || !known) return std::nullopt;
  return name;
}

Task<Status> NodeProxyHandler::serve(Exchange& exchange) {
  auto asked = parseProxyName(exchange.info.name);
  if (!asked) co_return badRequest("invalid node request \"" + exchange.info.name + "\"");
  CO_TRY(auto object, exchange.registry->get("", asked->name));
  const auto& node = *object.as<Node>();
  if (wantsSlash(exchange.request, behindProxy(exchange.request.path))) {
    co_return co_await redirectToSlash(exchange);
  }
  // Another port than the kubelet's is nobody's we know.
  if (!asked->port.empty() &&
      portNumber(asked->port) !=
          std::optional<int32_t>(node.status.daemonEndpoints.kubeletEndpoint.Port)) {
    CO_TRY(auto address, kubeletAddress(node, sources_.connections.options().addressTypes));
    auto port = portNumber(asked->port);
    if (!port) co_return badRequest("invalid node request \"" + exchange.info.name + "\"");
    auto endpoint = endpointOf(address.host, *port);
    auto client = asked->scheme == "https" ? sources_.connections.unverified(endpoint)
                                           : sources_.connections.plain(endpoint);
    co_return co_await proxyRequest(exchange, targetOf(exchange, std::move(client)));
  }
  CO_TRY(auto kubelet, sources_.connections.of(node));
  co_return co_await proxyRequest(exchange, targetOf(exchange, std::move(kubelet)));
}

Task<Status> PodProxyHandler::serve(Exchange& exchange) {
  auto asked = parseProxyName(exchange.info.name);
  if (!asked) co_return badRequest("invalid pod request \"" + exchange.info.name + "\"");
  CO_TRY(auto object, exchange.registry->get(exchange.info.ns, asked->name));
  const auto& pod = *object.as<Pod>();
  CO_TRY(auto port, podPort(pod, asked->port));
  if (!mayProxyTo(pod.status.podIP)) co_return badRequest("address not allowed");
  if (wantsSlash(exchange.request, behindProxy(exchange.request.path))) {
    co_return co_await redirectToSlash(exchange);
  }
  auto endpoint = endpointOf(pod.status.podIP, port);
  auto client = asked->scheme == "https" ? sources_.connections.unverified(endpoint)
                                         : sources_.connections.plain(endpoint);
  co_return co_await proxyRequest(exchange, targetOf(exchange, std::move(client)));
}

Task<Status> ServiceProxyHandler::serve(Exchange& exchange) {
  auto asked = parseProxyName(exchange.info.name);
  if (!asked) co_return badRequest("invalid service request \"" + exchange.info.name + "\"");
  const auto& ns = exchange.info.ns;
  CO_TRY(auto object, exchange.registry->get(ns, asked->name));
  const auto& service = *object.as<Service>();
  // A number is that of a port of the service, which has a name (perhaps the empty one).
  auto portName = asked->port;
  if (auto number = portNumber(asked->port)) {
    bool known = false;
    for (const auto& port : service.spec.ports) {
      if (port.port != *number) continue;
      portName = port.name;
      known = true;
    }
    if (!known) {
      co_return serviceUnavailable("no service port " + asked->port + " found for service \"" +
                                   asked->name + "\"");
    }
  }
  auto stored = sources_.endpoints.get(ns, asked->name);
  if (!stored.ok()) {
    co_return isNotFound(stored.status()) ? notFound("services", asked->name) : stored.status();
  }
  const auto& endpoints = *stored->as<Endpoints>();
  if (endpoints.subsets.empty()) {
    co_return serviceUnavailable("no endpoints available for service \"" + asked->name + "\"");
  }
  if (wantsSlash(exchange.request, behindProxy(exchange.request.path))) {
    co_return co_await redirectToSlash(exchange);
  }
  auto addresses = addressesOf(endpoints, portName);
  if (addresses.empty()) {
    co_return serviceUnavailable("no endpoints available for service \"" + exchange.info.name +
                                 "\"");
  }
  const auto& chosen = addresses[turn_++ % addresses.size()];
  if (!mayProxyTo(chosen.ip)) co_return badRequest("address not allowed");
  auto endpoint = endpointOf(chosen.ip, chosen.port);
  auto client = asked->scheme == "https" ? sources_.connections.unverified(endpoint)
                                         : sources_.connections.plain(endpoint);
  co_return co_await proxyRequest(exchange, targetOf(exchange, std::move(client)));
}

void addKubeletHandlers(Subresources& subresources, const KubeletHandlerSources& sources) {
  subresources.add("pods", "log", std::make_unique<LogHandler>(sources));
  subresources.add("pods", "exec", std::make_unique<CommandHandler>(sources, "exec"));
  subresources.add("pods", "attach", std::make_unique<CommandHandler>(sources, "attach"));
  subresources.add("pods", "portforward", std::make_unique<PortForwardHandler>(sources));
  subresources.add("pods", "proxy", std::make_unique<PodProxyHandler>(sources));
  subresources.add("services", "proxy", std::make_unique<ServiceProxyHandler>(sources));
  subresources.add("nodes", "proxy", std::make_unique<NodeProxyHandler>(sources));
}

}  // namespace coxswain::apiserver
