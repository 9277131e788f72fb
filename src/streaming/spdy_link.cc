#include "streaming/spdy_link.h"

#include <algorithm>

#include "base/assert.h"
#include "runtime/spawn.h"

namespace coxswain::streaming {
namespace {

constexpr std::string_view kVersionHeader = "X-Stream-Protocol-Version";

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

std::vector<std::string> versionsOf(const net::Headers& headers) {
  std::vector<std::string> out;
  for (auto value : headers.all(kVersionHeader)) {
    while (!value.empty()) {
      auto part = value.substr(0, value.find(','));
      value.remove_prefix(std::min(value.size(), part.size() + 1));
      while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
      while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
      if (!part.empty()) out.emplace_back(part);
    }
  }
  return out;
}

Task<Status> refuse(net::ResponseWriter& response, int code, Reason reason, std::string why,
                    net::Headers headers) {
  headers.add("Content-Type", "text/plain; charset=utf-8");
  Status sent = co_await response.respond(code, std::move(headers), why + "\n");
  co_return Status(reason, code, why);
}

}  // namespace

SpdyLink::SpdyLink(std::unique_ptr<net::Stream> stream, Role role, std::string protocol)
    : connection_(net::spdy::Connection::create(std::move(stream), role)),
      state_(std::make_shared<State>()),
      protocol_(std::move(protocol)) {
  Executor* executor = Executor::current();
  COXSWAIN_ASSERT(executor != nullptr);
  spawn(*executor, run(connection_, state_));
}

Task<void> SpdyLink::run(std::shared_ptr<net::spdy::Connection> connection,
                         std::shared_ptr<State> state) {
  Status ended = co_await connection->run(state->stop.get_token());
  state->gone.request_stop();
  state->ended.set();
}

Task<void> SpdyLink::finish(Duration grace) {
  co_await connection_->finish(grace, state_->gone.get_token());
  co_await close();
}

Task<void> SpdyLink::close() {
  state_->stop.request_stop();
  connection_->close();
  Status ignored = co_await state_->ended.wait();
  (void)ignored;
}

bool isSpdyRequest(const net::Request& request) {
  return request.headers.hasToken("Connection", "upgrade") &&
         request.headers.hasToken("Upgrade", "spdy/3.1");
}

Task<Result<std::unique_ptr<SpdyLink>>> acceptSpdy(net::Request& request,
                                                   net::ResponseWriter& response,
                                                   std::vector<std::string> protocols) {
  net::Headers headers;
  if (!isSpdyRequest(request)) {
    std::string why = "unable to upgrade: missing upgrade headers in request";
    co_return co_await refuse(response, 400, Reason::BadRequest, why, std::move(headers));
  }
  auto offered = versionsOf(request.headers);
  std::string chosen;
  bool found =
      offered.empty() && std::find(protocols.begin(), protocols.end(), "") != protocols.end();
  for (const auto& version : offered) {
    if (found || std::find(protocols.begin(), protocols.end(), version) == protocols.end())
      continue;
    found = true;
    chosen = version;
  }
  if (!found) {
    for (const auto& p : protocols)
      if (!p.empty()) headers.add("X-Accepted-Stream-Protocol-Versions", p);
    std::string why = "unable to upgrade: unable to negotiate protocol: client supports [" +
                      join(offered, " ") + "], server accepts [" + join(protocols, " ") + "]";
    co_return co_await refuse(response, 403, Reason::Forbidden, why, std::move(headers));
  }
  headers.add("Connection", "Upgrade");
  headers.add("Upgrade", "SPDY/3.1");
  if (!chosen.empty()) headers.add(std::string(kVersionHeader), chosen);
  CO_TRY(auto stream, co_await response.upgrade(std::move(headers)));
  co_return std::make_unique<SpdyLink>(std::move(stream), SpdyLink::Role::Server, chosen);
}

Task<Result<std::unique_ptr<SpdyLink>>> dialSpdy(Upgrader& client, net::ClientRequest request,
                                                 std::vector<std::string> protocols,
                                                 std::stop_token stop) {
  request.headers.set("Connection", "Upgrade");
  request.headers.set("Upgrade", "SPDY/3.1");
  for (const auto& p : protocols) request.headers.add(std::string(kVersionHeader), p);
  request.body.clear();
  CO_TRY(auto response, co_await client.send(std::move(request), stop));
  if (response->status != 101) {
    auto body = co_await response->body().readAll(64 * 1024, stop);
    std::string why =
        body.ok() && !body->empty() ? *body : std::string(net::statusText(response->status));
    co_return Status(Reason::Unknown, response->status, std::move(why));
  }
  if (!response->headers.hasToken("Upgrade", "spdy/3.1"))
    co_return unreachable("unable to upgrade connection: server chose another protocol");
  std::string chosen(response->headers.get(kVersionHeader));
  if (!chosen.empty() && std::find(protocols.begin(), protocols.end(), chosen) == protocols.end())
    co_return unreachable("unable to upgrade connection: version \"" + chosen +
                          "\" was not offered");
  co_return std::make_unique<SpdyLink>(response->takeStream(), SpdyLink::Role::Client, chosen);
}

}  // namespace coxswain::streaming
