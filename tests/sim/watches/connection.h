#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/codec/value.h"
#include "net/http.h"
#include "net/lasting.h"
#include "net/text_body.h"
#include "runtime/spawn.h"

namespace coxswain {

/// One exchange with the server, without sockets: the client's end of it. `slow`, when it is
/// positive, is how long each write waits; `leave` is what a broken connection looks like to the
/// server. `onLine` gets each line of a stream as it arrives.
class Connection final : public net::ResponseWriter {
 public:
  Task<Status> start(int status, net::Headers sent) override {
    code = status;
    headers = std::move(sent);
    started_ = true;
    co_return Status();
  }
  Task<Status> write(std::string_view data) override {
    if (slow > Duration::zero()) {
      Status slept = co_await sleepFor(slow, stop.get_token());
      if (!slept.ok()) co_return slept;
    }
    if (stop.stop_requested()) co_return canceled();
    rest_.append(data);
    for (size_t end = 0; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) {
      if (onLine) onLine(std::string_view(rest_).substr(0, end));
    }
    co_return Status();
  }
  Task<Status> end(net::Headers trailers) override { co_return Status(); }
  Task<Status> respond(int status, net::Headers sent, std::string text) override {
    started_ = true;
    code = status;
    headers = std::move(sent);
    body = std::move(text);
    co_return stop.stop_requested() ? canceled() : Status();
  }
  Task<Result<std::unique_ptr<net::Stream>>> upgrade(net::Headers answer) override {
    co_return badRequest("no upgrades here");
  }
  [[nodiscard]] bool started() const override { return started_; }
  void goOnWith(std::shared_ptr<net::LastingAnswer> answer) override {
    lasting = std::move(answer);
  }
  void leave() { stop.request_stop(); }

  [[nodiscard]] boost::json::value json() const {
    auto parsed = api::parseJsonValue(body);
    return parsed.ok() ? std::move(*parsed) : boost::json::value();
  }

  int code = 0;
  net::Headers headers;
  std::string body;
  Duration slow{};
  std::stop_source stop;
  std::shared_ptr<net::LastingAnswer> lasting;  ///< what goes on when the handler has returned
  std::function<void(std::string_view)> onLine;

 private:
  std::string rest_;
  bool started_ = false;
};

/// What `pointer` leads to, as text; empty where it leads nowhere.
inline std::string textAt(const boost::json::value& document, std::string_view pointer) {
  boost::system::error_code error;
  const auto* found = document.find_pointer(pointer, error);
  if (!found) return "";
  if (found->is_string()) return {found->get_string().data(), found->get_string().size()};
  return api::writeJsonValue(*found);
}

}  // namespace coxswain
