#include "runtime/spawn.h"
#include "streaming/remote_command.h"

namespace coxswain::streaming {
namespace {

/// What the pumps of one bridge share; lives in its frame.
struct Bridge {
  Bridge(ServerSession& s, ClientSession& c) : server(s), client(c) {}
  ServerSession& server;
  ClientSession& client;
  std::stop_source all;     // everything ends
  std::stop_source inputs;  // the command has ended: nobody wants input any more
  Outcome outcome = Outcome::failed(canceled());
};

struct Forward {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};

/// Reads on after the command has closed its end, so that the client's last words are seen.
Task<void> pumpStdin(Bridge& b) {
  auto stop = b.inputs.get_token();
  bool open = true;
  while (true) {
    auto piece = co_await b.server.readStdin(stop);
    if (!piece.ok()) co_return;
    if (piece->empty()) break;
    if (!open) continue;
    Status sent = co_await b.client.writeStdin(*piece, stop);
    open = sent.ok();
  }
  if (!open) co_return;
  Status closed = co_await b.client.closeStdin(stop);
}

Task<void> pumpResizes(Bridge& b) {
  auto stop = b.inputs.get_token();
  while (auto size = co_await b.server.nextResize(stop)) {
    Status sent = co_await b.client.resize(*size, stop);
    if (!sent.ok()) co_return;
  }
}

Task<void> pumpStdout(Bridge& b) {
  auto stop = b.all.get_token();
  while (true) {
    auto piece = co_await b.client.readStdout(stop);
    if (!piece.ok() || piece->empty()) co_return;
    Status sent = co_await b.server.writeStdout(*piece, stop);
    if (!sent.ok()) b.all.request_stop();
  }
}

Task<void> pumpStderr(Bridge& b) {
  auto stop = b.all.get_token();
  while (true) {
    auto piece = co_await b.client.readStderr(stop);
    if (!piece.ok() || piece->empty()) co_return;
    Status sent = co_await b.server.writeStderr(*piece, stop);
    if (!sent.ok()) b.all.request_stop();
  }
}

Task<void> pumpOutputs(Bridge& b) {
  auto stop = b.all.get_token();
  std::vector<Task<void>> outputs;
  outputs.push_back(pumpStdout(b));
  outputs.push_back(pumpStderr(b));
  co_await whenAll(std::move(outputs));
  auto outcome = co_await b.client.outcome(stop);
  b.outcome = outcome.ok() ? std::move(*outcome) : Outcome::failed(outcome.status());
  b.inputs.request_stop();
  if (stop.stop_requested()) co_return;
  if (!outcome.ok()) b.outcome.status = internalError(outcome.status().message());
  Status told = co_await b.server.finish(b.outcome, stop);
  b.all.request_stop();
}

}  // namespace

Task<Outcome> bridge(ServerSession& server, ClientSession& client, std::stop_token stop) {
  Bridge b(server, client);
  {
    std::stop_callback<Forward> stopped(stop, Forward{b.all});
    std::stop_callback<Forward> gone(server.gone(), Forward{b.all});
    std::stop_callback<Forward> ends(b.all.get_token(), Forward{b.inputs});
    std::vector<Task<void>> pumps;
    pumps.push_back(pumpStdin(b));
    pumps.push_back(pumpResizes(b));
    pumps.push_back(pumpOutputs(b));
    co_await whenAll(std::move(pumps));
  }
  co_await client.close();
  co_await server.close();
  co_return std::move(b.outcome);
}

}  // namespace coxswain::streaming
