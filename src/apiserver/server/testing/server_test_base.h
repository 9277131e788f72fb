#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "apiserver/server/api_server.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {

struct Answer {
  int code = 0;
  net::Headers headers;
  std::string body;
  [[nodiscard]] boost::json::value json() const {
    auto parsed = api::parseJsonValue(body);
    return parsed.ok() ? std::move(*parsed) : boost::json::value();
  }
  /// What is there, as JSON unless it is a string; empty: nothing is.
  [[nodiscard]] std::string text(std::string_view pointer) const {
    auto document = json();
    boost::system::error_code error;
    const auto* found = document.find_pointer(pointer, error);
    if (!found) return "";
    return found->is_string() ? std::string(found->get_string()) : api::writeJsonValue(*found);
  }
};

/// A server on a thread of its own, over HTTP on 127.0.0.1, and a client of it. Tokens:
/// admin-token (of system:masters), bob-token and carol-token (who have no rights).
class ServerTestBase : public ::testing::Test {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  void SetUp() override {
    Authenticator::Options options;
    options.tokens = *StaticTokens::parse(
        "admin-token,admin,1,\"system:masters\"\nbob-token,bob,2\ncarol-token,carol,3\n");
    authenticator_ = std::make_unique<Authenticator>(std::move(options));
    thread_ = std::thread([this] { reactor_.run(); });
  }
  void TearDown() override {
    EXPECT_TRUE(run(end()).ok());
    reactor_.stop();
    thread_.join();
  }
  /// Without `flow` nobody waits.
  void start(ApiServerOptions options = {}, std::optional<flow::FlowOptions> flow = {}) {
    Status started = run(begin(std::move(options), flow));
    ASSERT_TRUE(started.ok()) << started.toString();
  }

  /// On the reactor's thread, waiting for it on this one.
  template <typename T>
  T run(Task<T> task) {
    std::promise<T> done;
    spawn(reactor_, fulfil(std::move(task), done));
    return done.get_future().get();
  }

  /// `token` is sent unless it is empty or the headers say who asks.
  Answer send(std::string method, std::string target, std::string body = "",
              net::Headers headers = {}, std::string token = "admin-token") {
    net::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!token.empty() && !request.headers.has("Authorization")) {
      request.headers.add("Authorization", "Bearer " + token);
    }
    auto answer = run(exchange(std::move(request)));
    EXPECT_TRUE(answer.ok()) << answer.status().toString();
    return answer.ok() ? std::move(*answer) : Answer();
  }

  Reactor reactor_;
  std::thread thread_;
  SeededRandom random_{1};
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<flow::FlowController> flow_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpClient> client_;

 private:
  Task<Status> begin(ApiServerOptions options, std::optional<flow::FlowOptions> flow) {
    if (flow) flow_ = std::make_unique<flow::FlowController>(reactor_, *flow);
    options.flow = flow_.get();
    api_ = std::make_unique<ApiServer>(reactor_, *store_, *authenticator_, random_,
                                       std::move(options));
    CO_TRY_STATUS(co_await api_->bootstrap());
    CO_TRY(server_, net::HttpServer::start(reactor_, {}, *api_));
    net::HttpClientOptions clientOptions;
    clientOptions.server = "http://" + server_->address();
    client_ = std::make_unique<net::HttpClient>(reactor_, clientOptions);
    co_return Status();
  }
  Task<Status> end() {
    if (client_) co_await client_->close();
    if (server_) co_await server_->stop(0s);
    client_.reset();
    server_.reset();
    api_.reset();
    flow_.reset();
    co_await authenticator_->close();
    co_return Status();
  }
  Task<Result<Answer>> exchange(net::ClientRequest request) {
    Deadline deadline(240s, {});
    CO_TRY(auto response, co_await client_->send(std::move(request), deadline.token()));
    Answer answer;
    answer.code = response->status;
    answer.headers = response->headers;
    CO_TRY(answer.body, co_await response->body().readAll(64U << 20, deadline.token()));
    co_return answer;
  }
  template <typename T>
  static Task<void> fulfil(Task<T> task, std::promise<T>& done) {
    done.set_value(co_await std::move(task));
  }
};

}  // namespace coxswain::apiserver
