#include "net/grpc/grpc.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "runtime/spawn.h"

namespace coxswain::net::grpc {
namespace {

class Echo final : public Service {
 public:
  Task<Status> serve(const std::string& method, ServerCall& call, std::stop_token stop) override {
    if (method == "Slow") co_return co_await sleepFor(1h, stop);
    if (method == "Fail") co_return toStatus(Code::NotFound, "no \"pod\" 100%\n");
    if (method != "Echo") co_return toStatus(Code::Unimplemented, "unknown method " + method);
    while (true) {
      CO_TRY(auto message, co_await call.receive(stop));
      if (!message) co_return Status();
      auto answer = "<" + *message + ">";
      CO_TRY_STATUS(co_await call.send(answer));
    }
  }
};

std::string show(const Result<std::string>& r) {
  return r.ok() ? *r : r.status().toString();
}

Task<std::vector<std::string>> calls(Reactor& reactor, HttpServer& server) {
  HttpClientOptions options;
  options.server = "http://" + server.address();
  Channel channel(reactor, options);
  Deadline deadline(240s, {});
  std::vector<std::string> out;
  auto r = co_await channel.call("/test.Echo/Echo", "a", Headers(), deadline.token());
  out.push_back(show(r));
  r = co_await channel.call("/test.Echo/Fail", "a", Headers(), deadline.token());
  out.push_back(show(r));
  r = co_await channel.call("/test.Other/Echo", "a", Headers(), deadline.token());
  out.push_back(show(r));
  Headers brief;
  brief.add("grpc-timeout", "10m");
  r = co_await channel.call("/test.Echo/Slow", "", std::move(brief), deadline.token());
  out.push_back(r.ok() ? "?" : std::to_string(r.status().code()));
  std::string big(3 << 20, 'b');
  r = co_await channel.call("/test.Echo/Echo", big, Headers(), deadline.token());
  out.push_back(r.ok() ? std::to_string(r->size()) : show(r));
  auto call = co_await channel.open("/test.Echo/Echo", Headers(), deadline.token());
  for (int i = 0; i < 3 && call.ok(); ++i) {
    auto text = std::to_string(i);
    Status sent = co_await (*call)->send(text, deadline.token());
    auto answer = co_await (*call)->receive(deadline.token());
    out.push_back(answer.ok() && *answer ? **answer : "?");
  }
  if (call.ok()) {
    Status finished = (*call)->finishSending();
    auto end = co_await (*call)->receive(deadline.token());
    out.push_back(end.ok() && !*end ? "end" : "?");
    call->reset();
  }
  co_await channel.close();
  co_await server.stop(5s);
  co_return out;
}

TEST(Grpc, UnaryAndStreams) {
  Reactor reactor;
  Echo echo;
  Server handler;
  handler.add("test.Echo", echo);
  auto server = HttpServer::start(reactor, HttpServerOptions(), handler);
  ASSERT_TRUE(server.ok());
  auto out = blockOn(reactor, calls(reactor, **server));
  std::vector<std::string> expected = {
      "<a>",
      "NotFound: no \"pod\" 100%\n",
      toStatus(Code::Unimplemented, "unknown service /test.Other/Echo").toString(),
      "504",
      std::to_string((3 << 20) + 2),
      "<0>",
      "<1>",
      "<2>",
      "end"};
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace coxswain::net::grpc
