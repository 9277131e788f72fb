#include "net/websocket/websocket.h"

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "runtime/spawn.h"

namespace coxswain::net {
namespace {

class EchoSocket final : public Handler {
 public:
  Task<void> serve(Request& request, ResponseWriter& response) override {
    auto socket = co_await acceptWebSocket(request, response, protocols());
    if (!socket.ok()) co_return;
    while (true) {
      auto message = co_await (*socket)->receive(request.stop);
      if (!message.ok() || !*message) co_return;
      Status sent = co_await (*socket)->send((*message)->binary, (*message)->data, request.stop);
      if (!sent.ok()) co_return;
    }
  }
  static std::vector<std::string> protocols() { return {"v5.channel.k8s.io", "v4.channel.k8s.io"}; }
};

Task<std::vector<std::string>> converse(Reactor& reactor, HttpServer& server) {
  std::vector<std::string> out;
  HttpClientOptions options;
  options.server = "http://" + server.address();
  HttpClient client(reactor, options);
  Deadline deadline(240s, {});
  std::vector<std::string> wrong = {"v1"};
  auto refused = co_await dialWebSocket(client, ClientRequest(), wrong, deadline.token());
  out.push_back(refused.ok() ? "?" : std::to_string(refused.status().code()));
  std::vector<std::string> offered = {"v4.channel.k8s.io", "v5.channel.k8s.io"};
  auto socket = co_await dialWebSocket(client, ClientRequest(), offered, deadline.token());
  if (socket.ok()) {
    auto& s = **socket;
    out.push_back(s.protocol());
    for (size_t size : {size_t{0}, size_t{5}, size_t{200}, size_t{1} << 20}) {
      std::string data(size, 'w');
      Status sent = co_await s.ping(deadline.token());
      sent = co_await s.send(size % 2 == 0, data, deadline.token());
      auto message = co_await s.receive(deadline.token());
      out.push_back(message.ok() && *message && (*message)->data == data ? "same" : "?");
    }
    Status closed = co_await s.sendClose(1000, "bye", deadline.token());
    auto end = co_await s.receive(deadline.token());
    out.push_back(end.ok() && !*end ? std::to_string(s.closeCode()) : "?");
  } else {
    out.push_back(socket.status().toString());
  }
  co_await client.close();
  co_await server.stop(5s);
  co_return out;
}

TEST(WebSocket, HandshakeMessagesClose) {
  Reactor reactor;
  EchoSocket handler;
  auto server = HttpServer::start(reactor, HttpServerOptions(), handler);
  ASSERT_TRUE(server.ok());
  auto out = blockOn(reactor, converse(reactor, **server));
  std::vector<std::string> expected = {"400", "v4.channel.k8s.io", "same", "same", "same", "same",
                                       "1000"};
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace coxswain::net
