#include "streaming/remote_command.h"

#include "net/websocket/websocket.h"
#include "streaming/spdy_session.h"
#include "streaming/websocket_session.h"

namespace coxswain::streaming {

Task<Result<std::unique_ptr<ServerSession>>> acceptRemoteCommand(net::Request& request,
                                                                 net::ResponseWriter& response,
                                                                 StreamSet streams,
                                                                 std::stop_token stop) {
  if (net::isWebSocketRequest(request))
    return acceptWebSocketCommand(request, response, streams, std::move(stop));
  return acceptSpdyCommand(request, response, streams, std::move(stop));
}

Task<Result<std::unique_ptr<ClientSession>>> dialRemoteCommand(Transport transport,
                                                               Upgrader& client,
                                                               net::ClientRequest request,
                                                               StreamSet streams,
                                                               std::stop_token stop) {
  if (transport == Transport::WebSocket)
    return dialWebSocketCommand(client, std::move(request), streams, std::move(stop));
  return dialSpdyCommand(client, std::move(request), streams, std::move(stop));
}

Task<Result<std::unique_ptr<ClientSession>>> dialRemoteCommand(Transport transport,
                                                               net::HttpClient& client,
                                                               net::ClientRequest request,
                                                               StreamSet streams,
                                                               std::stop_token stop) {
  HttpUpgrader upgrader(client);
  co_return co_await dialRemoteCommand(transport, upgrader, std::move(request), streams, stop);
}

bool isStreamingRequest(const net::Request& request) {
  return net::isWebSocketRequest(request) || isSpdyRequest(request);
}

Result<StreamSet> streamsOfKubeletQuery(const net::Query& query) {
  StreamSet out;
  out.stdin_ = query.get("input") == "1";
  out.stdout_ = query.get("output") == "1";
  out.tty = query.get("tty") == "1";
  out.stderr_ = query.get("error") == "1" && !out.tty;
  if (!out.stdin_ && !out.stdout_ && !out.stderr_)
    return badRequest("you must specify at least 1 of stdin, stdout, stderr");
  return out;
}

}  // namespace coxswain::streaming
