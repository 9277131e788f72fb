#include "net/udp.h"

#include <gtest/gtest.h>

#include "runtime/reactor.h"

namespace coxswain::net {
namespace {

Task<Status> echoOnce(Reactor& reactor, std::string listen, std::string host) {
  CO_TRY(auto server, UdpSocket::bind(reactor, listen));
  CO_TRY(auto client, UdpSocket::connect(reactor, host + ":" + std::to_string(server->port())));
  CO_TRY_STATUS(client->send("ahoy"));
  CO_TRY(auto got, co_await server->receive({}));
  EXPECT_EQ(got.data, "ahoy");
  EXPECT_EQ(got.peer.text(), client->address());
  EXPECT_FALSE(server->tryReceive().has_value());
  CO_TRY_STATUS(server->sendTo(std::string(20000, 'x'), got.peer));
  CO_TRY(auto answer, co_await client->receive({}));
  EXPECT_EQ(answer.data.size(), 20000u);
  std::stop_source stop;
  stop.request_stop();
  auto stopped = co_await server->receive(stop.get_token());
  EXPECT_TRUE(isCanceled(stopped.status()));
  co_return Status();
}

TEST(Udp, EchoesOnOneAndOnAllAddresses) {
  for (const auto& [listen, host] :
       {std::pair("127.0.0.1:0", "127.0.0.1"), std::pair("0.0.0.0:0", "127.0.0.2")}) {
    Reactor reactor;
    Status status = blockOn(reactor, echoOnce(reactor, listen, host));
    EXPECT_TRUE(status.ok()) << status.toString();
  }
}

Task<Status> askNobody(Reactor& reactor) {
  CO_TRY(auto taken, UdpSocket::bind(reactor, "127.0.0.1:0"));
  const auto address = taken->address();
  taken.reset();
  CO_TRY(auto client, UdpSocket::connect(reactor, address));
  CO_TRY_STATUS(client->send("anybody there?"));
  auto answer = co_await client->receive({});
  co_return answer.status();
}

TEST(Udp, NobodyListens) {
  Reactor reactor;
  EXPECT_TRUE(isUnreachable(blockOn(reactor, askNobody(reactor))));
  EXPECT_FALSE(UdpSocket::bind(reactor, "localhost:53x").ok());
  EXPECT_FALSE(UdpSocket::bind(reactor, "127.0.0.1").ok());
}

}  // namespace
}  // namespace coxswain::net
