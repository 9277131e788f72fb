#include "streaming/testing/fake_runtime.h"

#include "runtime/spawn.h"

namespace coxswain::streaming::testing {

namespace {
struct Forward {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};
}  // namespace

std::string pattern(size_t size) {
  std::string out(size, '\0');
  uint32_t state = 12345;
  for (auto& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

Task<void> FakeRuntime::serve(net::Request& request, net::ResponseWriter& response) {
  lastUpgrade = std::string(request.headers.get("Upgrade"));
  lastTarget = request.path + (request.query.empty() ? "" : "?" + request.query);
  if (request.path.starts_with("/portforward") && connector_) {
    Status served = co_await servePortForward(request, response, *connector_);
    co_return;
  }
  auto query = net::Query::parse(request.query);
  auto parts = net::pathSegments(request.path);
  auto streams = query.ok() ? streamsOfKubeletQuery(*query) : Result<StreamSet>(query.status());
  if (!streams.ok() || !parts.ok() || parts->size() != 2) {
    Status sent = co_await response.respond(404, net::Headers(), "no such session");
    co_return;
  }
  auto session = co_await acceptRemoteCommand(request, response, *streams, request.stop);
  if (!session.ok()) co_return;
  ++sessions;
  started.set();
  co_await run((*parts)[1], std::move(*session), request.stop);
  --sessions;
  gone.set();
}

Task<void> FakeRuntime::run(std::string name, std::unique_ptr<ServerSession> session,
                            std::stop_token stop) {
  auto outcome = co_await script(name, *session, stop);
  if (name != "vanish" && name != "wait") {
    Status told = co_await session->finish(outcome, stop);
  }
  co_await session->close();
}

Task<Outcome> FakeRuntime::script(std::string name, ServerSession& session, std::stop_token stop) {
  if (name == "cat") {
    while (true) {
      auto piece = co_await session.readStdin(stop);
      if (!piece.ok()) co_return Outcome::failed(piece.status());
      if (piece->empty()) break;
      Status sent = co_await session.writeStdout(*piece, stop);
      if (!sent.ok()) co_return Outcome::failed(sent);
    }
  } else if (name == "fail") {
    Status sent = co_await session.writeStdout("out", stop);
    sent = co_await session.writeStderr("err", stop);
    co_return Outcome::exited(3);
  } else if (name == "broken") {
    co_return Outcome::failed(internalError("boom"));
  } else if (name == "big") {
    auto data = pattern(4 << 20);
    Status sent = co_await session.writeStdout(data, stop);
    if (!sent.ok()) co_return Outcome::failed(sent);
  } else if (name == "sizes") {
    while (auto size = co_await session.nextResize(stop)) {
      auto line = std::to_string(size->width) + "x" + std::to_string(size->height) + "\n";
      Status sent = co_await session.writeStdout(line, stop);
      if (size->width == 1) break;
    }
  } else if (name == "wait") {
    Event never;
    std::stop_source either;
    std::stop_callback<Forward> first(stop, Forward{either});
    std::stop_callback<Forward> second(session.gone(), Forward{either});
    Status waited = co_await never.wait(either.get_token());
    sawGone = session.gone().stop_requested();
  } else if (name == "deaf") {
    Status waited = co_await release.wait(stop);
    co_return Outcome::exited(7);
  }
  co_return Outcome::succeeded();
}

namespace {

Task<void> collect(ClientSession& session, bool err, std::string& out, std::stop_token stop) {
  while (true) {
    auto piece = err ? co_await session.readStderr(stop) : co_await session.readStdout(stop);
    if (!piece.ok() || piece->empty()) co_return;
    out += *piece;
  }
}

Task<void> feed(ClientSession& session, std::string input, bool keepOpen, std::stop_token stop) {
  Status sent;
  if (!input.empty()) sent = co_await session.writeStdin(input, stop);
  if (sent.ok() && !keepOpen) sent = co_await session.closeStdin(stop);
}

Task<void> conclude(ClientSession& session, Gathered& out, std::stop_source feeding,
                    std::stop_token stop) {
  auto outcome = co_await session.outcome(stop);
  if (outcome.ok()) {
    out.outcome = std::move(*outcome);
  } else {
    out.failure = outcome.status().toString();
  }
  feeding.request_stop();
}

}  // namespace

Task<Gathered> gather(ClientSession& session, std::string input, bool keepOpen,
                      std::stop_token stop) {
  Gathered out;
  std::stop_source feeding;
  std::vector<Task<void>> tasks;
  tasks.push_back(collect(session, false, out.out, stop));
  tasks.push_back(collect(session, true, out.err, stop));
  tasks.push_back(feed(session, std::move(input), keepOpen, feeding.get_token()));
  tasks.push_back(conclude(session, out, feeding, stop));
  co_await whenAll(std::move(tasks));
  co_await session.close();
  co_return std::move(out);
}

}  // namespace coxswain::streaming::testing
