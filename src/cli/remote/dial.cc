#include "cli/remote/dial.h"

#include "net/url.h"

namespace coxswain::cli {
namespace {

std::string podPath(const std::string& ns, const std::string& pod, std::string_view what) {
  return "/api/v1/namespaces/" + net::percentEncode(ns) + "/pods/" + net::percentEncode(pod) + "/" +
         std::string(what);
}

std::string commandTarget(const CommandTarget& target, const streaming::StreamSet& streams) {
  net::Query query;
  for (const auto& word : target.command) query.add("command", word);
  if (!target.container.empty()) query.add("container", target.container);
  if (streams.stderr_) query.add("stderr", "true");
  if (streams.stdin_) query.add("stdin", "true");
  if (streams.stdout_) query.add("stdout", "true");
  if (streams.tty) query.add("tty", "true");
  return podPath(target.ns, target.pod, target.command.empty() ? "attach" : "exec") + "?" +
         query.encode();
}

/// An answer, but not 101: the other protocol may do better.
bool isRefusedUpgrade(const Status& status) {
  return !isCanceled(status) && !isUnreachable(status) && status.code() >= 300;
}

}  // namespace

Task<Result<std::unique_ptr<net::ClientResponse>>> RestUpgrader::send(net::ClientRequest request,
                                                                      std::stop_token stop) {
  client::RestRequest out;
  out.method = std::move(request.method);
  auto question = request.target.find('?');
  out.path = request.target.substr(0, question);
  if (question != std::string::npos) {
    CO_TRY(auto query, net::Query::parse(std::string_view(request.target).substr(question + 1)));
    out.query = query.fields();
  }
  out.headers = std::move(request.headers);
  co_return co_await rest_.upgrade(std::move(out), stop);
}

Task<Result<std::unique_ptr<streaming::ClientSession>>> dialCommand(client::RestClient& rest,
                                                                    CommandTarget target,
                                                                    streaming::StreamSet streams,
                                                                    std::stop_token stop) {
  RestUpgrader upgrader(rest);
  net::ClientRequest request;
  request.target = commandTarget(target, streams);
  auto again = request;
  auto session = co_await streaming::dialRemoteCommand(streaming::Transport::WebSocket, upgrader,
                                                       std::move(request), streams, stop);
  if (session.ok() || !isRefusedUpgrade(session.status())) co_return std::move(session);
  co_return co_await streaming::dialRemoteCommand(streaming::Transport::Spdy, upgrader,
                                                  std::move(again), streams, stop);
}

Task<Result<std::unique_ptr<streaming::PortForwarder>>> dialPorts(client::RestClient& rest,
                                                                  std::string ns, std::string pod,
                                                                  std::stop_token stop) {
  RestUpgrader upgrader(rest);
  net::ClientRequest request;
  request.target = podPath(ns, pod, "portforward");
  auto again = request;
  auto session = co_await streaming::PortForwarder::dial(upgrader, std::move(request), true, stop);
  if (session.ok() || !isRefusedUpgrade(session.status())) co_return std::move(session);
  co_return co_await streaming::PortForwarder::dial(upgrader, std::move(again), false, stop);
}

}  // namespace coxswain::cli
