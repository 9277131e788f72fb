#include "streaming/websocket_session.h"

#include <map>

#include "net/websocket/websocket.h"
#include "runtime/spawn.h"
#include "streaming/byte_queue.h"
#include "streaming/channel.h"
#include "streaming/resize.h"

namespace coxswain::streaming {
namespace {

constexpr Duration kGrace = 5s;
constexpr Duration kPingInterval = 5s;
constexpr size_t kOutcomeBytesMax = 64 * 1024;

const std::vector<std::string>& serverVersions() {
  static const std::vector<std::string> all = {"v5.channel.k8s.io",        "v4.channel.k8s.io",
                                               "v4.base64.channel.k8s.io", "channel.k8s.io",
                                               "base64.channel.k8s.io",    ""};
  return all;
}

const std::vector<std::string>& clientVersions() {
  static const std::vector<std::string> all = {"v5.channel.k8s.io", "v4.channel.k8s.io"};
  return all;
}

/// The WebSocket, the queue of each channel this end reads, and the coroutine that fills them.
class ChannelLink {
 public:
  ChannelLink(std::unique_ptr<net::WebSocket> socket, std::vector<Channel> inputs)
      : state_(std::make_shared<State>()) {
    state_->protocol = ChannelProtocol::of(socket->protocol());
    state_->socket = std::move(socket);
    for (auto channel : inputs)
      state_->inputs[static_cast<uint8_t>(channel)] = std::make_unique<ByteQueue>(kQueueBytesMax);
    spawn(*Executor::current(), receive(state_));
  }

  [[nodiscard]] ChannelProtocol protocol() const { return state_->protocol; }
  [[nodiscard]] std::stop_token gone() const { return state_->gone.get_token(); }

  /// Where there is no such input: its end.
  Task<Result<std::string>> read(Channel channel, std::stop_token stop) {
    auto state = state_;
    auto* queue = state->queue(static_cast<uint8_t>(channel));
    if (!queue) co_return std::string();
    co_return co_await queue->pop(std::move(stop));
  }

  Task<Status> write(Channel channel, std::string_view data, std::stop_token stop) {
    auto state = state_;
    do {
      auto piece = data.substr(0, kPieceBytes);
      data.remove_prefix(piece.size());
      auto message = encodeChannelMessage(state->protocol, channel, piece);
      CO_TRY_STATUS(co_await state->socket->send(!state->protocol.base64, message, stop));
    } while (!data.empty());
    co_return Status();
  }

  /// Pings until the connection has ended, so that a dead peer is found out.
  void keepAlive() { spawn(*Executor::current(), ping(state_, state_->gate.enter())); }

  Task<void> finish() {
    auto state = state_;
    for (auto& [number, queue] : state->inputs) queue->discard();
    Deadline deadline(kGrace, state->gone.get_token());
    Status said = co_await state->socket->sendClose(1000, "", deadline.token());
    if (said.ok()) said = co_await state->ended.wait(deadline.token());
    co_await close();
  }

  Task<void> close() {
    auto state = state_;
    state->stop.request_stop();
    for (auto& [number, queue] : state->inputs) queue->discard();
    state->socket->close();
    Status ignored = co_await state->ended.wait();
    (void)ignored;
    co_await state->gate.close();
  }

 private:
  struct State {
    std::unique_ptr<net::WebSocket> socket;
    ChannelProtocol protocol;
    std::map<uint8_t, std::unique_ptr<ByteQueue>> inputs;
    std::stop_source stop;
    std::stop_source gone;
    Event ended;
    Gate gate;
    ByteQueue* queue(uint8_t channel) {
      auto it = inputs.find(channel);
      return it == inputs.end() ? nullptr : it->second.get();
    }
  };

  static Task<Status> receiveAll(std::shared_ptr<State> state) {
    auto stop = state->stop.get_token();
    while (true) {
      CO_TRY(auto message, co_await state->socket->receive(stop));
      if (!message) co_return Status();
      CO_TRY(auto decoded, decodeChannelMessage(state->protocol, message->data));
      if (decoded.channel == static_cast<uint8_t>(Channel::Close) && state->protocol.canClose()) {
        auto* queue =
            decoded.data.empty() ? nullptr : state->queue(static_cast<uint8_t>(decoded.data[0]));
        if (!queue) co_return badRequest("websocket message: no such channel to close");
        queue->end();
      } else if (auto* queue = state->queue(decoded.channel)) {
        CO_TRY_STATUS(co_await queue->push(std::move(decoded.data), stop));
      }
    }
  }

  static Task<void> receive(std::shared_ptr<State> state) {
    Status ended = co_await receiveAll(state);
    for (auto& [number, queue] : state->inputs) {
      // A close in order is the end of every channel; clients before v5 know no other.
      queue->fail(ended.ok() ? Status() : unreachable("connection lost: " + ended.message()));
    }
    state->gone.request_stop();
    state->ended.set();
  }

  /// `state` first: it dies after `pass`, which points into it.
  static Task<void> ping(std::shared_ptr<State> state, Gate::Pass pass) {
    auto stop = state->gone.get_token();
    while (true) {
      Status done = co_await sleepFor(kPingInterval, stop);
      if (done.ok()) done = co_await state->socket->ping(stop);
      if (!done.ok()) co_return;
    }
  }

  std::shared_ptr<State> state_;  // shared with the coroutines
};

class WebSocketServerSession final : public ServerSession {
 public:
  WebSocketServerSession(std::unique_ptr<net::WebSocket> socket, StreamSet set)
      : link_(std::move(socket), inputsOf(set)), set_(set) {}

  /// As upstream: an empty message tells the client that the session stands.
  Task<Status> greet(std::stop_token stop) {
    auto channel = set_.stdout_ ? Channel::Stdout : set_.stderr_ ? Channel::Stderr : Channel::Error;
    return link_.write(channel, {}, std::move(stop));
  }

  [[nodiscard]] const StreamSet& streams() const override { return set_; }
  Task<Result<std::string>> readStdin(std::stop_token stop) override {
    return link_.read(Channel::Stdin, std::move(stop));
  }
  Task<std::optional<TerminalSize>> nextResize(std::stop_token stop) override {
    while (true) {
      if (auto size = resizes_.next()) co_return size;
      auto piece = co_await link_.read(Channel::Resize, stop);
      if (!piece.ok() || piece->empty() || !resizes_.feed(*piece)) co_return std::nullopt;
    }
  }
  Task<Status> writeStdout(std::string_view data, std::stop_token stop) override {
    if (!set_.stdout_ || data.empty()) co_return Status();
    co_return co_await link_.write(Channel::Stdout, data, std::move(stop));
  }
  Task<Status> writeStderr(std::string_view data, std::stop_token stop) override {
    if (!set_.stderr_ || data.empty()) co_return Status();
    co_return co_await link_.write(Channel::Stderr, data, std::move(stop));
  }
  Task<Status> finish(Outcome outcome, std::stop_token stop) override {
    auto text = link_.protocol().version >= 4 ? encodeOutcome(outcome) : encodeOutcomeText(outcome);
    if (!text.empty()) CO_TRY_STATUS(co_await link_.write(Channel::Error, text, stop));
    co_await link_.finish();
    co_return Status();
  }
  [[nodiscard]] std::stop_token gone() const override { return link_.gone(); }
  Task<void> close() override { return link_.close(); }

 private:
  static std::vector<Channel> inputsOf(const StreamSet& set) {
    std::vector<Channel> out;
    if (set.stdin_) out.push_back(Channel::Stdin);
    if (set.tty) out.push_back(Channel::Resize);
    return out;
  }
  ChannelLink link_;
  StreamSet set_;
  ResizeDecoder resizes_;
};

class WebSocketClientSession final : public ClientSession {
 public:
  WebSocketClientSession(std::unique_ptr<net::WebSocket> socket, StreamSet set)
      : link_(std::move(socket), inputsOf(set)), set_(set) {
    link_.keepAlive();
  }

  [[nodiscard]] const StreamSet& streams() const override { return set_; }
  Task<Status> writeStdin(std::string_view data, std::stop_token stop) override {
    if (!set_.stdin_) co_return badRequest("session has no standard input");
    if (data.empty()) co_return Status();
    co_return co_await link_.write(Channel::Stdin, data, std::move(stop));
  }
  Task<Status> closeStdin(std::stop_token stop) override {
    if (!set_.stdin_ || !link_.protocol().canClose()) co_return Status();
    const std::string which(1, static_cast<char>(Channel::Stdin));
    co_return co_await link_.write(Channel::Close, which, std::move(stop));
  }
  Task<Status> resize(TerminalSize size, std::stop_token stop) override {
    if (!set_.tty) co_return Status();
    auto text = encodeResize(size);
    co_return co_await link_.write(Channel::Resize, text, std::move(stop));
  }
  Task<Result<std::string>> readStdout(std::stop_token stop) override {
    return link_.read(Channel::Stdout, std::move(stop));
  }
  Task<Result<std::string>> readStderr(std::stop_token stop) override {
    return link_.read(Channel::Stderr, std::move(stop));
  }
  Task<Result<Outcome>> outcome(std::stop_token stop) override {
    std::string text;
    bool modern = link_.protocol().version >= 4;
    while (true) {
      auto piece = co_await link_.read(Channel::Error, stop);
      if (!piece.ok() && (isCanceled(piece.status()) || text.empty())) co_return piece.status();
      if (!piece.ok() || piece->empty()) break;
      text += *piece;
      if (text.size() > kOutcomeBytesMax) co_return unreachable("error stream is too long");
    }
    if (!modern) co_return decodeOutcomeText(text);
    if (text.empty()) co_return unreachable("connection closed without a status");
    co_return decodeOutcome(text);
  }
  Task<void> close() override { return link_.close(); }

 private:
  static std::vector<Channel> inputsOf(const StreamSet& set) {
    std::vector<Channel> out = {Channel::Error};
    if (set.stdout_) out.push_back(Channel::Stdout);
    if (set.stderr_) out.push_back(Channel::Stderr);
    return out;
  }
  ChannelLink link_;
  StreamSet set_;
};

}  // namespace

Task<Result<std::unique_ptr<ServerSession>>> acceptWebSocketCommand(net::Request& request,
                                                                    net::ResponseWriter& response,
                                                                    StreamSet streams,
                                                                    std::stop_token stop) {
  CO_TRY(auto socket, co_await net::acceptWebSocket(request, response, serverVersions()));
  auto session = std::make_unique<WebSocketServerSession>(std::move(socket), streams);
  Status greeted = co_await session->greet(stop);
  if (!greeted.ok()) {
    co_await session->close();
    co_return greeted;
  }
  co_return std::unique_ptr<ServerSession>(std::move(session));
}

Task<Result<std::unique_ptr<ClientSession>>> dialWebSocketCommand(Upgrader& client,
                                                                  net::ClientRequest request,
                                                                  StreamSet streams,
                                                                  std::stop_token stop) {
  CO_TRY(auto offer, net::offerWebSocket(std::move(request), clientVersions()));
  CO_TRY(auto response, co_await client.send(std::move(offer.request), stop));
  CO_TRY(auto socket, co_await net::takeWebSocket(std::move(response), std::move(offer.key),
                                                  std::move(offer.protocols), stop));
  co_return std::unique_ptr<ClientSession>(
      std::make_unique<WebSocketClientSession>(std::move(socket), streams));
}

}  // namespace coxswain::streaming
