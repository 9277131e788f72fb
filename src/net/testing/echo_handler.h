#pragma once

#include "net/http.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::net::testing {

/// An answer of `pieces` pieces, each when the server is told that there is one; -1: it never ends.
class Pieces final : public LastingAnswer, public std::enable_shared_from_this<Pieces> {
 public:
  Pieces(int pieces, int& running, Event* gone) : left_(pieces), running_(running), gone_(gone) {
    ++running_;
  }
  Task<Result<bool>> advance(ResponseWriter& response) override {
    if (left_ < 0) co_return true;
    if (left_ == 0) {
      CO_TRY_STATUS(co_await response.end());
      co_return false;
    }
    const std::string piece = std::to_string(left_--) + " ";
    CO_TRY_STATUS(co_await response.write(piece));
    Executor::current()->post([self = shared_from_this()] { self->wake(); });
    co_return true;
  }
  void ended() override {
    --running_;
    if (gone_) gone_->set();
  }

 private:
  int left_;
  int& running_;
  Event* gone_;
};

/// Answers by path: /echo (the body), /stream (three flushed pieces and a trailer), /hang (until
/// the client goes), /upgrade (echoes bytes), /who (client certificate), /big?n (n bytes), /last
/// and /park (LastingAnswer: three pieces; until the client goes).
class EchoHandler final : public Handler {
 public:
  Task<void> serve(Request& request, ResponseWriter& response) override {
    Status sent;
    if (request.path == "/echo") {
      auto body = co_await request.body->readAll(64 << 20, request.stop);
      if (!body.ok()) {
        sent = co_await response.respond(body.status().code(), Headers(), body.status().message());
        co_return;
      }
      Headers headers;
      headers.add("content-type", "text/plain");
      headers.add("x-method", request.method);
      sent = co_await response.respond(200, std::move(headers), std::move(*body));
    } else if (request.path == "/stream") {
      sent = co_await response.start(200, Headers());
      for (int i = 0; i < 3 && sent.ok(); ++i) {
        std::string piece = "piece " + std::to_string(i) + "\n";
        sent = co_await response.write(piece);
      }
      Headers trailers;
      trailers.add("x-done", "yes");
      if (sent.ok()) sent = co_await response.end(std::move(trailers));
    } else if (request.path == "/hang") {
      ++hanging;
      sent = co_await response.start(200, Headers());
      sent = co_await sleepFor(1h, request.stop);
      --hanging;
      if (gone) gone->set();
    } else if (request.path == "/last" || request.path == "/park") {
      sent = co_await response.start(200, Headers());
      response.goOnWith(std::make_shared<Pieces>(request.path == "/last" ? 3 : -1, hanging, gone));
    } else if (request.path == "/big") {
      std::string body(std::stoul(request.query), 'x');
      sent = co_await response.respond(200, Headers(), std::move(body));
    } else if (request.path == "/upgrade") {
      Headers headers;
      headers.add("Connection", "Upgrade");
      headers.add("Upgrade", "echo");
      auto stream = co_await response.upgrade(std::move(headers));
      if (!stream.ok()) {
        sent = co_await response.respond(400, Headers(), stream.status().message());
        co_return;
      }
      char buffer[256];
      while (true) {
        auto n = co_await (*stream)->read(buffer, request.stop);
        if (!n.ok() || *n == 0) co_return;
        sent = co_await (*stream)->write(std::string_view(buffer, *n), request.stop);
      }
    } else if (request.path == "/who") {
      std::string who = "nobody";
      if (request.tls && !request.tls->peerCertificates.empty())
        who = request.tls->peerVerified ? "verified" : "stranger: " + request.tls->verifyError;
      sent = co_await response.respond(200, Headers(), std::move(who));
    } else {
      sent = co_await response.respond(404, Headers(), "no such page");
    }
  }

  int hanging = 0;
  Event* gone = nullptr;
};

}  // namespace coxswain::net::testing
