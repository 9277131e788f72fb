#include "streaming/splice.h"

#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::streaming {
namespace {

constexpr size_t kBufferBytes = 32 * 1024;
constexpr Duration kLinger = 10s;

struct Spliced {
  std::stop_source stop;
  Duration linger;
  bool oneEnded = false;
  Event ended;
};

Task<void> carry(net::Stream& from, net::Stream& to, std::shared_ptr<Spliced> state) {
  std::vector<char> buffer(kBufferBytes);
  auto stop = state->stop.get_token();
  bool broken = true;
  while (true) {
    auto n = co_await from.read(buffer, stop);
    if (!n.ok()) break;
    if (*n == 0) {
      Status passed = co_await to.shutdownWrite(stop);
      broken = !passed.ok();
      break;
    }
    Status sent = co_await to.write(std::string_view(buffer.data(), *n), stop);
    if (!sent.ok()) break;
  }
  if (broken) state->stop.request_stop();
  bool last = std::exchange(state->oneEnded, true);
  state->ended.set();
  if (last) state->stop.request_stop();
}

/// After the first direction's end: waits for the second, for a while.
Task<void> limit(std::shared_ptr<Spliced> state) {
  auto stop = state->stop.get_token();
  Status waited = co_await state->ended.wait(stop);
  if (waited.ok()) waited = co_await sleepFor(state->linger, stop);
  state->stop.request_stop();
}

struct Forward {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};

bool hopByHop(std::string_view name) {
  for (std::string_view hop : {"Host", "Content-Length", "Transfer-Encoding", "Keep-Alive", "TE",
                               "Trailer", "Authorization", "Proxy-Authorization", "Cookie"})
    if (net::equalNoCase(name, hop)) return true;
  return false;
}

Task<Status> passAnswer(net::ClientResponse& answer, net::ResponseWriter& response,
                        std::stop_token stop) {
  CO_TRY(auto body, co_await answer.body().readAll(1 << 20, stop));
  net::Headers headers;
  for (const auto& [name, value] : answer.headers)
    if (!hopByHop(name) && !net::equalNoCase(name, "Connection") && !net::equalNoCase(name, "Date"))
      headers.add(name, value);
  co_return co_await response.respond(answer.status, std::move(headers), std::move(body));
}

}  // namespace

Task<void> splice(net::Stream& a, net::Stream& b, Duration linger, std::stop_token stop) {
  auto state = std::make_shared<Spliced>();
  state->linger = linger;
  std::stop_callback<Forward> stopped(stop, Forward{state->stop});
  std::vector<Task<void>> both;
  both.push_back(carry(a, b, state));
  both.push_back(carry(b, a, state));
  both.push_back(limit(state));
  co_await whenAll(std::move(both));
  a.close();
  b.close();
}

Task<Status> proxyUpgrade(net::Request& request, net::ResponseWriter& response,
                          net::HttpClient& client, std::string target, net::Headers extra) {
  net::ClientRequest forward;
  forward.method = request.method;
  forward.target = std::move(target);
  for (const auto& [name, value] : request.headers)
    if (!hopByHop(name) && !extra.has(name)) forward.headers.add(name, value);
  for (const auto& [name, value] : extra) forward.headers.add(name, value);
  CO_TRY(auto answer, co_await client.sendForUpgrade(std::move(forward), request.stop));
  if (answer->status != 101) co_return co_await passAnswer(*answer, response, request.stop);
  net::Headers headers;
  for (const auto& [name, value] : answer->headers)
    if (!hopByHop(name) && !net::equalNoCase(name, "Date")) headers.add(name, value);
  auto far = answer->takeStream();
  auto near = co_await response.upgrade(std::move(headers));
  // From here on the client has had its answer.
  if (near.ok()) co_await splice(**near, *far, kLinger, request.stop);
  co_return Status();
}

}  // namespace coxswain::streaming
