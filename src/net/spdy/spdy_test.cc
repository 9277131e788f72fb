#include "net/spdy/spdy.h"

#include <gtest/gtest.h>

#include "runtime/spawn.h"

namespace coxswain::net::spdy {
namespace {

Task<void> runTo(std::shared_ptr<Connection> connection, Event& ended) {
  Status ignored = co_await connection->run({});
  ended.set();
}

/// Echoes one stream: its type, then its bytes; half-closes when the client did.
Task<void> echoOne(std::shared_ptr<SpdyStream> stream) {
  Status sent = co_await stream->reply({});
  std::string type(stream->headers().get("streamType"));
  sent = co_await stream->write(type, false, {});
  while (sent.ok()) {
    auto piece = co_await stream->read({});
    if (!piece.ok()) co_return;
    if (piece->empty()) break;
    sent = co_await stream->write(*piece, false, {});
  }
  sent = co_await stream->finish({});
}

Task<void> acceptAll(Reactor& reactor, std::shared_ptr<Connection> connection, Event& ended) {
  while (true) {
    auto stream = co_await connection->accept({});
    if (!stream) break;
    spawn(reactor, echoOne(std::move(*stream)));
  }
  ended.set();
}

Task<void> readAll(std::shared_ptr<SpdyStream> stream, std::string& out, Event& done) {
  while (true) {
    auto piece = co_await stream->read({});
    if (!piece.ok()) out += piece.status().toString();
    if (!piece.ok() || piece->empty()) break;
    out += *piece;
  }
  done.set();
}

Task<std::vector<std::string>> converse(Reactor& reactor) {
  std::vector<std::string> out;
  auto listener = Listener::listen(reactor, "127.0.0.1:0");
  auto near = co_await dial(reactor, (*listener)->address(), {});
  auto far = co_await (*listener)->accept({});
  auto client = Connection::create(std::move(*near), Connection::Role::Client);
  auto server = Connection::create(std::move(*far), Connection::Role::Server);
  Event clientEnded;
  Event serverEnded;
  spawn(reactor, runTo(client, clientEnded));
  spawn(reactor, runTo(server, serverEnded));
  Event acceptEnded;
  spawn(reactor, acceptAll(reactor, server, acceptEnded));
  for (std::string type : {"error", "stdin", "stdout"}) {
    Headers headers;
    headers.add("streamType", type);
    auto stream = co_await client->open(std::move(headers), {});
    Status replied = co_await (*stream)->awaitReply({});
    out.push_back(replied.ok() ? "replied" : replied.toString());
    std::string got;
    Event done;
    spawn(reactor, readAll(*stream, got, done));
    std::string data(type == "stdout" ? 1000000 : 3, 'd');
    Status sent = co_await (*stream)->write(data, false, {});
    sent = co_await (*stream)->finish({});
    sent = co_await done.wait();
    out.push_back(got == type + data ? "same" : got.substr(0, 50));
  }
  client->close();
  Status ended = co_await clientEnded.wait();
  ended = co_await serverEnded.wait();
  ended = co_await acceptEnded.wait();
  co_return out;
}

TEST(Spdy, StreamsBothWaysWithHalfClose) {
  Reactor reactor;
  auto out = blockOn(reactor, converse(reactor));
  std::vector<std::string> expected = {"replied", "same", "replied", "same", "replied", "same"};
  EXPECT_EQ(out, expected);
}

Task<std::string> firstBytes(Reactor& reactor) {
  auto listener = Listener::listen(reactor, "127.0.0.1:0");
  auto near = co_await dial(reactor, (*listener)->address(), {});
  auto far = co_await (*listener)->accept({});
  auto client = Connection::create(std::move(*near), Connection::Role::Client);
  Headers headers;
  headers.add("streamType", "error");
  auto stream = co_await client->open(std::move(headers), {});
  char buffer[256];
  auto n = co_await (*far)->read(buffer, {});
  co_return std::string(buffer, n.ok() ? *n : 0);
}

TEST(Spdy, DictionaryIsTheOneEverybodyHas) {
  Reactor reactor;
  auto bytes = blockOn(reactor, firstBytes(reactor));
  ASSERT_GT(bytes.size(), 24u);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x80\x03\x00\x01", 4));
  // zlib's header names the dictionary by its Adler-32, published as e3c6a7c2.
  EXPECT_EQ(bytes.substr(20, 4), "\xe3\xc6\xa7\xc2");
}

Task<std::string> hostile(Reactor& reactor, std::string bytes) {
  auto listener = Listener::listen(reactor, "127.0.0.1:0");
  auto near = co_await dial(reactor, (*listener)->address(), {});
  auto far = co_await (*listener)->accept({});
  auto server = Connection::create(std::move(*far), Connection::Role::Server);
  Status sent = co_await (*near)->write(bytes, {});
  sent = co_await (*near)->shutdownWrite({});
  Status ended = co_await server->run({});
  co_return ended.ok() ? "ok" : ended.message();
}

TEST(Spdy, BrokenFramesEndTheConnection) {
  const std::string cases[] = {
      std::string("\x80\x02\x00\x01\x00\x00\x00\x00", 8),                   // version 2
      std::string("\x80\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01", 12),  // short SYN_STREAM
      std::string("\x00\x00\x00\x01\x00\xff\xff\xff", 8),                   // 16 MiB
      std::string("\x80\x03\x00\x01\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00garb",
                  22),
  };
  for (const auto& bytes : cases) {
    Reactor reactor;
    EXPECT_TRUE(blockOn(reactor, hostile(reactor, bytes)).starts_with("spdy: "));
  }
}

}  // namespace
}  // namespace coxswain::net::spdy
