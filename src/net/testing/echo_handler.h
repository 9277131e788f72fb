#pragma once

#include "net/http.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::net::testing {

/// Answers by path: /echo (the body), /stream (three flushed pieces and a trailer), /hang (until
/// the client goes), /upgrade (echoes bytes), /who (client certificate), /big?n (n bytes).
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
