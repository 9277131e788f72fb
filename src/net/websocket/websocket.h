#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http.h"
#include "net/http_client.h"
#include "runtime/sync.h"

namespace coxswain::net {

struct WebSocketMessage {
  bool binary = true;
  std::string data;
};

/// A WebSocket (RFC 6455) after its handshake. One receiver and any number of senders, on the
/// reactor of its stream. Pings are answered while somebody receives.
class WebSocket {
 public:
  enum class Role { Server, Client };
  WebSocket(std::unique_ptr<Stream> stream, Role role, std::string protocol);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// The subprotocol agreed on; may be empty.
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  /// Nullopt after the peer's close. A broken frame or a message above 4 MiB fails.
  Task<Result<std::optional<WebSocketMessage>>> receive(std::stop_token stop);
  Task<Status> send(bool binary, std::string_view data, std::stop_token stop);
  Task<Status> ping(std::stop_token stop);
  /// Sends a close frame; the peer's answer shows at `receive`.
  Task<Status> sendClose(uint16_t code, std::string_view reason, std::stop_token stop);
  /// Drops the connection.
  void close();
  /// What the peer's close frame said; 0: none yet.
  [[nodiscard]] uint16_t closeCode() const;

 private:
  friend struct WebSocketCallbacks;
  struct Impl;
  Task<Status> queue(uint8_t opcode, std::string_view data, std::stop_token stop);
  Task<Status> flush(std::stop_token stop);
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<Stream> stream_;
  std::string protocol_;
};

/// Does the request ask for a WebSocket?
bool isWebSocketRequest(const Request& request);
/// Chooses the first of the client's protocols that is in `protocols` and answers 101; refuses with
/// 400 where the handshake is malformed or (when `protocols` is not empty) none fits. An empty name
/// among `protocols` takes clients that offer none.
Task<Result<std::unique_ptr<WebSocket>>> acceptWebSocket(Request& request, ResponseWriter& response,
                                                         std::vector<std::string> protocols);
/// The client's handshake in halves, for those who send requests in a way of their own.
struct WebSocketOffer {
  ClientRequest request;  ///< to be sent, by whatever way asks for an upgrade
  std::string key;
  std::vector<std::string> protocols;
};
Result<WebSocketOffer> offerWebSocket(ClientRequest request, std::vector<std::string> protocols);
/// From the answer. One other than 101 fails with its HTTP code and (short) body.
Task<Result<std::unique_ptr<WebSocket>>> takeWebSocket(std::unique_ptr<ClientResponse> response,
                                                       std::string key,
                                                       std::vector<std::string> protocols,
                                                       std::stop_token stop);
/// The client's handshake. An answer other than 101 fails with its HTTP code and (short) body.
Task<Result<std::unique_ptr<WebSocket>>> dialWebSocket(HttpClient& client, ClientRequest request,
                                                       std::vector<std::string> protocols,
                                                       std::stop_token stop);

}  // namespace coxswain::net
