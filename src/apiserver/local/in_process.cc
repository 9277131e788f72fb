#include "apiserver/local/in_process.h"

#include "apiserver/local/memory_response.h"
#include "client/http/decode.h"
#include "client/http/rest_client.h"
#include "net/text_body.h"
#include "net/url.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {

namespace {

constexpr size_t kUnreadMax = 16U << 20;

Task<Status> serve(ApiServer& server, UserInfo user, InProcessRequest what,
                   net::ResponseWriter& response, std::stop_token stop) {
  net::Query query;
  for (const auto& [name, value] : what.query) query.add(name, value);
  const bool hasBody = !what.body.empty();
  net::TextBody body(std::move(what.body));
  net::Request request;
  request.method = std::move(what.method);
  request.path = std::move(what.path);
  request.query = query.encode();
  request.headers.add("Accept", std::move(what.accept));
  if (hasBody) request.headers.add("Content-Type", std::move(what.contentType));
  request.body = &body;
  request.bodyArrived = true;
  request.stop = std::move(stop);
  Exchange exchange(request, response);
  exchange.user = std::move(user);
  exchange.userAgent = "coxswain";
  co_return co_await server.serveOwn(exchange);
}

/// What arrives of a watch until somebody takes it.
class Arriving final : public net::ResponseWriter, public net::LastingAnswer::Host {
 public:
  Task<Status> start(int status, net::Headers headers) override {
    code_ = status;
    contentType_ = headers.get("Content-Type");
    co_return Status();
  }
  Task<Status> write(std::string_view data) override {
    if (text_.size() + data.size() > kUnreadMax) {
      co_return requestEntityTooLarge("a watch that nobody reads");
    }
    text_.append(data);
    arrived_.set();
    co_return Status();
  }
  Task<Status> end(net::Headers) override { co_return Status(); }
  using net::ResponseWriter::end;
  Task<Status> respond(int status, net::Headers headers, std::string body) override {
    CO_TRY_STATUS(co_await start(status, std::move(headers)));
    co_return co_await write(body);
  }
  Task<Result<std::unique_ptr<net::Stream>>> upgrade(net::Headers) override {
    co_return badRequest("there is no connection to be upgraded");
  }
  [[nodiscard]] bool started() const override { return code_ != 0; }
  void goOnWith(std::shared_ptr<net::LastingAnswer> rest) override {
    rest_ = std::move(rest);
    rest_->setHost(this);
  }
  void wake() override { woken_.set(); }

  /// What the handler left to be done after it, to its end.
  Task<void> goOn(std::stop_token stop) {
    while (rest_) {
      woken_.reset();
      auto more = co_await rest_->advance(*this);
      const bool over = !more.ok() || !*more;
      Status waited;
      if (!over) waited = co_await woken_.wait(stop);
      if (!over && waited.ok()) continue;
      rest_->ended();
      rest_ = nullptr;
    }
  }
  /// The server is through with it.
  void finish(Status how) {
    ended_ = how.ok() ? endOfStream() : std::move(how);
    arrived_.set();
  }
  /// Waits for more. EndOfStream, or what the server said instead of a watch.
  Task<Result<std::string>> take(std::stop_token stop) {
    while (text_.empty() || code_ >= 400) {
      if (!ended_.ok()) co_return code_ < 400 ? ended_ : failure();
      arrived_.reset();
      CO_TRY_STATUS(co_await arrived_.wait(stop));
    }
    co_return std::exchange(text_, std::string());
  }

 private:
  [[nodiscard]] Status failure() const {
    return client::statusOfAnswer(code_, "GET", contentType_, text_, 0);
  }

  int code_ = 0;
  std::string contentType_;
  std::string text_;
  Status ended_;
  Event arrived_;
  std::shared_ptr<net::LastingAnswer> rest_;
  Event woken_;
};

struct Watching {
  explicit Watching(const client::ResourceType& of) : type(of) {}
  const client::ResourceType& type;
  Arriving arriving;
  client::WatchDecoder decoder{false};
  std::stop_source stop;
};

Task<void> fill(std::shared_ptr<Watching> watching, ApiServer& server, UserInfo user,
                InProcessRequest request) {
  Status served = co_await serve(server, std::move(user), std::move(request), watching->arriving,
                                 watching->stop.get_token());
  co_await watching->arriving.goOn(watching->stop.get_token());
  watching->arriving.finish(std::move(served));
}

Task<Result<client::WatchEvent>> nextOf(std::shared_ptr<Watching> watching, std::stop_token stop) {
  while (true) {
    CO_TRY(auto raw, watching->decoder.next());
    if (raw) co_return client::decodeWatchEvent(watching->type, *raw);
    CO_TRY(auto text, co_await watching->arriving.take(stop));
    watching->decoder.feed(text);
  }
}

class InProcessWatch final : public client::Watch {
 public:
  InProcessWatch(Executor& executor, std::shared_ptr<Watching> watching)
      : executor_(executor), watching_(std::move(watching)) {}
  ~InProcessWatch() override {
    executor_.post([watching = std::move(watching_)] { watching->stop.request_stop(); });
  }
  Task<Result<client::WatchEvent>> next(std::stop_token stop) override {
    if (Executor::current() == &executor_) return nextOf(watching_, std::move(stop));
    return runOn(executor_, nextOf(watching_, std::move(stop)));
  }

 private:
  Executor& executor_;
  std::shared_ptr<Watching> watching_;
};

}  // namespace

Task<Result<std::string>> ask(ApiServer& server, UserInfo user, InProcessRequest request,
                              std::stop_token stop) {
  MemoryResponse response;
  CO_TRY_STATUS(
      co_await serve(server, std::move(user), std::move(request), response, std::move(stop)));
  co_return std::move(response).result();
}

std::unique_ptr<client::Watch> askToWatch(Executor& executor, ApiServer& server, UserInfo user,
                                          const client::ResourceType& type,
                                          InProcessRequest request) {
  auto watching = std::make_shared<Watching>(type);
  spawn(executor, fill(watching, server, std::move(user), std::move(request)));
  return std::make_unique<InProcessWatch>(executor, std::move(watching));
}

}  // namespace coxswain::apiserver
