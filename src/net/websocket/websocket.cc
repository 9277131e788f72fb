#include "net/websocket/websocket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>

namespace coxswain::net {
namespace {

constexpr size_t kMessageBytesMax = 4 << 20;

std::string base64(const unsigned char* bytes, size_t size) {
  std::string out(4 * ((size + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size));
  return out;
}

/// RFC 6455, 4.2.2: what proves that the server has read the key.
std::string acceptKey(std::string_view key) {
  std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  return base64(digest, size);
}

}  // namespace

struct WebSocket::Impl {
  wslay_event_context_ptr context = nullptr;
  std::string_view input;  // what wslay may read now
  std::string output;
  std::deque<WebSocketMessage> inbox;
  Semaphore writing{1};
  bool peerClosed = false;
  ~Impl() { wslay_event_context_free(context); }
};

/// wslay's callbacks; `user` is the Impl.
struct WebSocketCallbacks {
  static WebSocket::Impl& of(void* user) { return *static_cast<WebSocket::Impl*>(user); }

  static ssize_t receive(wslay_event_context_ptr context, uint8_t* buffer, size_t size, int,
                         void* user) {
    auto& self = of(user);
    if (self.input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    size_t n = std::min(size, self.input.size());
    std::memcpy(buffer, self.input.data(), n);
    self.input.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  static ssize_t send(wslay_event_context_ptr, const uint8_t* data, size_t size, int, void* user) {
    of(user).output.append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }
  static int mask(wslay_event_context_ptr, uint8_t* buffer, size_t size, void*) {
    return RAND_bytes(buffer, static_cast<int>(size)) == 1 ? 0 : -1;
  }
  static void message(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* arg, void* user) {
    auto& self = of(user);
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) self.peerClosed = true;
    if (arg->opcode != WSLAY_TEXT_FRAME && arg->opcode != WSLAY_BINARY_FRAME) return;
    self.inbox.push_back({arg->opcode == WSLAY_BINARY_FRAME,
                          std::string(reinterpret_cast<const char*>(arg->msg), arg->msg_length)});
  }
};

WebSocket::WebSocket(std::unique_ptr<Stream> stream, Role role, std::string protocol)
    : impl_(std::make_unique<Impl>()), stream_(std::move(stream)), protocol_(std::move(protocol)) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = WebSocketCallbacks::receive;
  callbacks.send_callback = WebSocketCallbacks::send;
  callbacks.genmask_callback = WebSocketCallbacks::mask;
  callbacks.on_msg_recv_callback = WebSocketCallbacks::message;
  if (role == Role::Server) {
    wslay_event_context_server_init(&impl_->context, &callbacks, impl_.get());
  } else {
    wslay_event_context_client_init(&impl_->context, &callbacks, impl_.get());
  }
  wslay_event_config_set_max_recv_msg_length(impl_->context, kMessageBytesMax);
}

WebSocket::~WebSocket() = default;

void WebSocket::close() {
  stream_->close();
}

uint16_t WebSocket::closeCode() const {
  return impl_->peerClosed ? wslay_event_get_status_code_received(impl_->context) : 0;
}

Task<Result<std::optional<WebSocketMessage>>> WebSocket::receive(std::stop_token stop) {
  std::vector<char> buffer(16 * 1024);
  while (impl_->inbox.empty()) {
    if (impl_->peerClosed) co_return std::optional<WebSocketMessage>();
    if (!wslay_event_want_read(impl_->context))
      co_return unreachable("websocket: protocol error, connection closed");
    CO_TRY(auto n, co_await stream_->read(buffer, stop));
    if (n == 0) co_return unreachable("websocket: unexpected end of stream");
    impl_->input = std::string_view(buffer.data(), n);
    while (!impl_->input.empty() && wslay_event_want_read(impl_->context))
      if (wslay_event_recv(impl_->context) != 0) co_return unreachable("websocket: broken frame");
    impl_->input = {};
    // Pongs and answers to close.
    Status flushed = co_await flush(stop);
    if (!flushed.ok() && impl_->inbox.empty() && !impl_->peerClosed) co_return flushed;
  }
  auto message = std::move(impl_->inbox.front());
  impl_->inbox.pop_front();
  co_return std::optional<WebSocketMessage>(std::move(message));
}

Task<Status> WebSocket::flush(std::stop_token stop) {
  if (!wslay_event_want_write(impl_->context)) co_return Status();
  CO_TRY_STATUS(co_await impl_->writing.acquire(stop));
  Status sent;
  while (sent.ok() && wslay_event_want_write(impl_->context)) {
    if (wslay_event_send(impl_->context) != 0) {
      sent = unreachable("websocket: cannot send");
      break;
    }
    auto bytes = std::move(impl_->output);
    impl_->output.clear();
    sent = co_await stream_->write(bytes, stop);
  }
  impl_->writing.release();
  co_return sent;
}

Task<Status> WebSocket::queue(uint8_t opcode, std::string_view data, std::stop_token stop) {
  wslay_event_msg message{opcode, reinterpret_cast<const uint8_t*>(data.data()), data.size()};
  if (wslay_event_queue_msg(impl_->context, &message) != 0)
    co_return unreachable("websocket: closed");
  co_return co_await flush(stop);
}

Task<Status> WebSocket::send(bool binary, std::string_view data, std::stop_token stop) {
  return queue(binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, data, std::move(stop));
}

Task<Status> WebSocket::ping(std::stop_token stop) {
  return queue(WSLAY_PING, {}, std::move(stop));
}

Task<Status> WebSocket::sendClose(uint16_t code, std::string_view reason, std::stop_token stop) {
  wslay_event_queue_close(impl_->context, code, reinterpret_cast<const uint8_t*>(reason.data()),
                          std::min<size_t>(reason.size(), 123));
  co_return co_await flush(stop);
}

bool isWebSocketRequest(const Request& request) {
  return request.headers.hasToken("Connection", "upgrade") &&
         request.headers.hasToken("Upgrade", "websocket");
}

Task<Result<std::unique_ptr<WebSocket>>> acceptWebSocket(Request& request, ResponseWriter& response,
                                                         std::vector<std::string> protocols) {
  auto key = request.headers.get("Sec-WebSocket-Key");
  std::string why;
  std::string chosen;
  for (auto value : request.headers.all("Sec-WebSocket-Protocol")) {
    while (chosen.empty() && !value.empty()) {
      auto comma = value.find(',');
      auto part = value.substr(0, comma);
      while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
      while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
      if (std::find(protocols.begin(), protocols.end(), part) != protocols.end())
        chosen = std::string(part);
      value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
  }
  bool nameless = !request.headers.has("Sec-WebSocket-Protocol") &&
                  std::find(protocols.begin(), protocols.end(), "") != protocols.end();
  if (!isWebSocketRequest(request) || request.method != "GET" || key.size() != 24) {
    why = "not a websocket handshake";
  } else if (request.headers.get("Sec-WebSocket-Version") != "13") {
    why = "unsupported websocket version";
  } else if (!protocols.empty() && chosen.empty() && !nameless) {
    why = "no supported websocket protocol";
  }
  if (!why.empty()) {
    Headers headers;
    headers.add("Sec-WebSocket-Version", "13");
    Status sent = co_await response.respond(400, std::move(headers), why);
    co_return badRequest(why);
  }
  Headers headers;
  headers.add("Upgrade", "websocket");
  headers.add("Connection", "Upgrade");
  headers.add("Sec-WebSocket-Accept", acceptKey(key));
  if (!chosen.empty()) headers.add("Sec-WebSocket-Protocol", chosen);
  CO_TRY(auto stream, co_await response.upgrade(std::move(headers)));
  co_return std::make_unique<WebSocket>(std::move(stream), WebSocket::Role::Server, chosen);
}

Result<WebSocketOffer> offerWebSocket(ClientRequest request, std::vector<std::string> protocols) {
  unsigned char nonce[16];
  if (RAND_bytes(nonce, sizeof nonce) != 1) return internalError("RAND_bytes");
  WebSocketOffer out;
  out.key = base64(nonce, sizeof nonce);
  std::string offered;
  for (const auto& p : protocols) offered += (offered.empty() ? "" : ", ") + p;
  request.headers.set("Connection", "Upgrade");
  request.headers.set("Upgrade", "websocket");
  request.headers.set("Sec-WebSocket-Version", "13");
  request.headers.set("Sec-WebSocket-Key", out.key);
  if (!offered.empty()) request.headers.set("Sec-WebSocket-Protocol", offered);
  request.method = "GET";
  request.body.clear();
  out.request = std::move(request);
  out.protocols = std::move(protocols);
  return out;
}

Task<Result<std::unique_ptr<WebSocket>>> takeWebSocket(std::unique_ptr<ClientResponse> response,
                                                       std::string key,
                                                       std::vector<std::string> protocols,
                                                       std::stop_token stop) {
  if (response->status != 101) {
    auto body = co_await response->body().readAll(64 * 1024, stop);
    co_return Status(Reason::Unknown, response->status,
                     body.ok() ? *body : std::string(statusText(response->status)));
  }
  if (response->headers.get("Sec-WebSocket-Accept") != acceptKey(key))
    co_return unreachable("websocket: bad handshake: wrong Sec-WebSocket-Accept");
  std::string protocol(response->headers.get("Sec-WebSocket-Protocol"));
  if (!protocol.empty() &&
      std::find(protocols.begin(), protocols.end(), protocol) == protocols.end())
    co_return unreachable("websocket: bad handshake: protocol not offered");
  co_return std::make_unique<WebSocket>(response->takeStream(), WebSocket::Role::Client, protocol);
}

Task<Result<std::unique_ptr<WebSocket>>> dialWebSocket(HttpClient& client, ClientRequest request,
                                                       std::vector<std::string> protocols,
                                                       std::stop_token stop) {
  CO_TRY(auto offer, offerWebSocket(std::move(request), std::move(protocols)));
  CO_TRY(auto response, co_await client.sendForUpgrade(std::move(offer.request), stop));
  co_return co_await takeWebSocket(std::move(response), std::move(offer.key),
                                   std::move(offer.protocols), stop);
}

}  // namespace coxswain::net
