#include "streaming/port_forward.h"

#include <charconv>
#include <map>

#include "net/websocket/websocket.h"
#include "runtime/spawn.h"
#include "streaming/tunnel.h"

namespace coxswain::streaming {
namespace {

using net::spdy::SpdyStream;
using StreamPointer = std::shared_ptr<SpdyStream>;

constexpr Duration kPairTimeout = 30s;
constexpr Duration kWordsTimeout = 5s;
constexpr size_t kPendingMax = 256;  // half pairs
constexpr size_t kErrorBytesMax = 16 * 1024;
constexpr size_t kBufferBytes = 32 * 1024;

struct Forward {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};

/// The two directions of one forwarded connection.
struct Carried {
  std::stop_source stop;
  /// The far end's end is the connection's, as kubectl has it: a local program that only notices
  /// when it writes next must not keep it.
  bool endsWithStream = false;
};

Task<void> carryOut(net::Stream& socket, StreamPointer stream, std::shared_ptr<Carried> state) {
  std::vector<char> buffer(kBufferBytes);
  auto stop = state->stop.get_token();
  while (true) {
    auto n = co_await socket.read(buffer, stop);
    if (!n.ok()) {
      // The other side must not take this for an orderly end.
      Status reset = co_await stream->reset(std::stop_token());
      state->stop.request_stop();
      co_return;
    }
    Status sent = *n == 0
                      ? co_await stream->finish(stop)
                      : co_await stream->write(std::string_view(buffer.data(), *n), false, stop);
    if (!sent.ok()) state->stop.request_stop();
    if (!sent.ok() || *n == 0) co_return;
  }
}

Task<void> carryIn(StreamPointer stream, net::Stream& socket, std::shared_ptr<Carried> state) {
  auto stop = state->stop.get_token();
  while (true) {
    auto piece = co_await stream->read(stop);
    if (!piece.ok()) {
      state->stop.request_stop();
      co_return;
    }
    Status sent =
        piece->empty() ? co_await socket.shutdownWrite(stop) : co_await socket.write(*piece, stop);
    if (!sent.ok()) {
      Status reset = co_await stream->reset(std::stop_token());
      state->stop.request_stop();
    }
    if (piece->empty() && state->endsWithStream) state->stop.request_stop();
    if (!sent.ok() || piece->empty()) co_return;
  }
}

Task<void> carryBoth(net::Stream& socket, StreamPointer stream, bool endsWithStream,
                     std::stop_token stop) {
  auto state = std::make_shared<Carried>();
  state->endsWithStream = endsWithStream;
  std::stop_callback<Forward> stopped(stop, Forward{state->stop});
  std::vector<Task<void>> both;
  both.push_back(carryOut(socket, stream, state));
  both.push_back(carryIn(stream, socket, state));
  co_await whenAll(std::move(both));
  socket.close();
}

struct Pair {
  StreamPointer error;
  StreamPointer data;
};

/// One client's session. `self` keeps it while its coroutines run.
struct Session {
  PortConnector& connector;
  std::stop_source stop;
  Gate gate;
  std::map<std::string, Pair> pending;
  explicit Session(PortConnector& c) : connector(c) {}
};

std::optional<uint16_t> portOf(const SpdyStream& stream) {
  std::string text(stream.headers().get("port"));
  unsigned port = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || port == 0 ||
      port > 65535)
    return std::nullopt;
  return static_cast<uint16_t>(port);
}

Task<void> servePair(std::shared_ptr<Session> session, Pair pair, uint16_t port, Gate::Pass pass) {
  auto stop = session->stop.get_token();
  auto socket = co_await session->connector.connect(port, stop);
  if (socket.ok()) {
    co_await carryBoth(**socket, pair.data, false, stop);
  } else {
    auto text = socket.status().message();
    Status told = co_await pair.error->write(text, false, stop);
    told = co_await pair.data->reset(stop);
  }
  Status ended = co_await pair.error->finish(stop);
}

/// Gives half a pair up when the other half does not come.
Task<void> expire(std::shared_ptr<Session> session, std::string id, Gate::Pass pass) {
  auto stop = session->stop.get_token();
  Status slept = co_await sleepFor(kPairTimeout, stop);
  auto it = session->pending.find(id);
  if (!slept.ok() || it == session->pending.end()) co_return;
  auto pair = std::move(it->second);
  session->pending.erase(it);
  Status told;
  if (pair.error) told = co_await pair.error->reset(stop);
  if (pair.data) told = co_await pair.data->reset(stop);
}

/// Nullopt: a stream that fits nowhere, to be reset.
std::optional<bool> place(Session& session, const std::string& id, const StreamPointer& stream) {
  auto type = stream->headers().get("streamType");
  if (id.empty() || !portOf(*stream) || (type != "error" && type != "data")) return std::nullopt;
  bool fresh = session.pending.find(id) == session.pending.end();
  if (fresh && session.pending.size() >= kPendingMax) return std::nullopt;
  auto& pair = session.pending[id];
  auto& slot = type == "error" ? pair.error : pair.data;
  if (slot) return std::nullopt;
  slot = stream;
  return fresh;
}

Task<void> acceptPairs(SpdyLink& link, std::shared_ptr<Session> session) {
  auto stop = session->stop.get_token();
  auto& executor = *Executor::current();
  while (true) {
    auto accepted = co_await link.connection().accept(stop);
    if (!accepted) co_return;
    auto stream = std::move(*accepted);
    std::string id(stream->headers().get("requestID"));
    auto placed = place(*session, id, stream);
    Status replied = placed ? co_await stream->reply(stop) : co_await stream->reset(stop);
    if (!placed || !replied.ok()) continue;
    if (*placed) spawn(executor, expire(session, id, session->gate.enter()));
    auto it = session->pending.find(id);
    if (it == session->pending.end() || !it->second.error || !it->second.data) continue;
    auto pair = std::move(it->second);
    session->pending.erase(it);
    auto port = *portOf(*pair.data);
    spawn(executor, servePair(session, std::move(pair), port, session->gate.enter()));
  }
}

Task<Result<std::unique_ptr<SpdyLink>>> acceptLink(net::Request& request,
                                                   net::ResponseWriter& response) {
  if (!net::isWebSocketRequest(request)) {
    std::vector<std::string> versions = {std::string(kPortForwardProtocol), ""};
    co_return co_await acceptSpdy(request, response, std::move(versions));
  }
  std::vector<std::string> protocols = {std::string(kTunnelProtocol)};
  CO_TRY(auto socket, co_await net::acceptWebSocket(request, response, std::move(protocols)));
  co_return std::make_unique<SpdyLink>(tunnelOver(std::move(socket)), SpdyLink::Role::Server,
                                       std::string(kPortForwardProtocol));
}

/// One connection of the client's: the bytes, and what the server has to say about them.
struct Connection {
  std::stop_source bytes;
  std::stop_source words;
  Event wordsEnded;
  std::string error;
};

Task<void> readError(StreamPointer stream, Connection& c) {
  auto stop = c.words.get_token();
  while (c.error.size() < kErrorBytesMax) {
    auto piece = co_await stream->read(stop);
    if (!piece.ok() || piece->empty()) break;
    c.error += *piece;
  }
  if (!c.error.empty()) c.bytes.request_stop();
  c.wordsEnded.set();
}

Task<void> carryLocal(net::Stream& local, StreamPointer data, Connection& c) {
  co_await carryBoth(local, data, true, c.bytes.get_token());
  // Whatever is still under way must not hold up the error stream.
  Deadline deadline(kWordsTimeout, c.words.get_token());
  Status reset = co_await data->reset(deadline.token());
  if (reset.ok()) reset = co_await c.wordsEnded.wait(deadline.token());
  c.words.request_stop();
}

}  // namespace

Task<Status> servePortForward(net::Request& request, net::ResponseWriter& response,
                              PortConnector& connector) {
  CO_TRY(auto link, co_await acceptLink(request, response));
  auto session = std::make_shared<Session>(connector);
  {
    std::stop_callback<Forward> stopped(request.stop, Forward{session->stop});
    std::stop_callback<Forward> gone(link->gone(), Forward{session->stop});
    co_await acceptPairs(*link, session);
    session->stop.request_stop();
    co_await session->gate.close();
  }
  co_await link->close();
  co_return Status();
}

Task<Result<std::unique_ptr<PortForwarder>>> PortForwarder::dial(Upgrader& client,
                                                                 net::ClientRequest request,
                                                                 bool tunnel,
                                                                 std::stop_token stop) {
  std::unique_ptr<SpdyLink> link;
  if (tunnel) {
    std::vector<std::string> protocols = {std::string(kTunnelProtocol)};
    CO_TRY(auto offer, net::offerWebSocket(std::move(request), std::move(protocols)));
    CO_TRY(auto response, co_await client.send(std::move(offer.request), stop));
    CO_TRY(auto socket, co_await net::takeWebSocket(std::move(response), std::move(offer.key),
                                                    std::move(offer.protocols), stop));
    link = std::make_unique<SpdyLink>(tunnelOver(std::move(socket)), SpdyLink::Role::Client,
                                      std::string(kPortForwardProtocol));
  } else {
    std::vector<std::string> protocols = {std::string(kPortForwardProtocol)};
    request.method = "POST";
    CO_TRY(link, co_await dialSpdy(client, std::move(request), std::move(protocols), stop));
  }
  co_return std::make_unique<PortForwarder>(std::move(link));
}

Task<Result<std::shared_ptr<SpdyStream>>> PortForwarder::open(std::string type, std::string id,
                                                              uint16_t port, std::stop_token stop) {
  net::Headers headers;
  headers.add("streamType", type);
  headers.add("port", std::to_string(port));
  headers.add("requestID", id);
  CO_TRY(auto stream, co_await link_->connection().open(std::move(headers), stop));
  Deadline deadline(kPairTimeout, stop);
  CO_TRY_STATUS(co_await stream->awaitReply(deadline.token()));
  co_return std::move(stream);
}

Task<Status> PortForwarder::forward(net::Stream& local, uint16_t port, std::stop_token stop) {
  auto id = std::to_string(nextRequest_++);
  CO_TRY(auto error, co_await open("error", id, port, stop));
  CO_TRY_STATUS(co_await error->finish(stop));
  CO_TRY(auto data, co_await open("data", id, port, stop));
  Connection c;
  std::stop_callback<Forward> bytes(stop, Forward{c.bytes});
  std::stop_callback<Forward> words(stop, Forward{c.words});
  std::vector<Task<void>> tasks;
  tasks.push_back(carryLocal(local, data, c));
  tasks.push_back(readError(error, c));
  co_await whenAll(std::move(tasks));
  if (!c.error.empty()) co_return Status(Reason::Unknown, 500, c.error);
  co_return stop.stop_requested() ? canceled() : Status();
}

}  // namespace coxswain::streaming
