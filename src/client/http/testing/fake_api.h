#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/http.h"
#include "runtime/spawn.h"

namespace coxswain::client::testing {

struct SeenRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string body;
  net::Headers headers;
};

struct Answer {
  Answer() = default;
  Answer(std::string text) : body(std::move(text)) {}  // NOLINT
  Answer(const char* text) : body(text) {}             // NOLINT
  Answer(int code, std::string text) : status(code), body(std::move(text)) {}
  int status = 200;
  std::string body;
  std::string contentType = "application/json";
  net::Headers headers;
  bool hang = false;  ///< the body does not end until the client goes
};

/// An HTTP API made of answers that the test wrote down: by "METHOD /path", one after the other,
/// the last one again and again. Others get the NotFound an API server gives. One reactor.
class FakeApi final : public net::Handler {
 public:
  std::map<std::string, std::deque<Answer>> answers;
  /// Asked first; nothing: `answers` decides.
  std::function<std::optional<Answer>(const SeenRequest&)> script;
  std::vector<SeenRequest> seen;

  /// "GET /a?b", "POST /c": what was asked, in order.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& request : seen) {
      out.push_back(request.method + " " + request.path +
                    (request.query.empty() ? "" : "?" + request.query));
    }
    return out;
  }

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    SeenRequest record{request.method, request.path, request.query, "", request.headers};
    auto body = co_await request.body->readAll(16 << 20, request.stop);
    if (body.ok()) record.body = std::move(*body);
    auto answer = choose(record);
    seen.push_back(std::move(record));
    net::Headers headers = answer.headers;
    headers.add("Content-Type", answer.contentType);
    Status sent;
    if (!answer.hang) {
      sent = co_await response.respond(answer.status, std::move(headers), std::move(answer.body));
      co_return;
    }
    sent = co_await response.start(answer.status, std::move(headers));
    if (sent.ok() && !answer.body.empty()) sent = co_await response.write(answer.body);
    sent = co_await sleepFor(1h, request.stop);
  }

 private:
  Answer choose(const SeenRequest& request) {
    if (script) {
      if (auto answer = script(request)) return std::move(*answer);
    }
    auto at = answers.find(request.method + " " + request.path);
    if (at == answers.end() || at->second.empty()) {
      return {
          404,
          R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server could not find the requested resource","reason":"NotFound","details":{},"code":404})"};
    }
    Answer answer = at->second.front();
    if (at->second.size() > 1) at->second.pop_front();
    return answer;
  }
};

}  // namespace coxswain::client::testing
