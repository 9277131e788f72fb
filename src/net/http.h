#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/stream.h"
#include "runtime/task.h"

namespace coxswain::net {

/// Header fields in the order of arrival; names compare without case. At HTTP/2 they are lower
/// case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The first value, empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  /// Is `token` one of the comma separated values? Without case.
  [[nodiscard]] bool hasToken(std::string_view name, std::string_view token) const;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// Replaces all of that name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] size_t size() const { return fields_.size(); }
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

bool equalNoCase(std::string_view a, std::string_view b);
/// "Not Found"; empty for codes without a name.
std::string_view statusText(int code);

/// A body as it arrives. One reader.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// The next piece; empty at the end. RequestEntityTooLarge, BadRequest, Unreachable, Canceled.
  virtual Task<Result<std::string>> read(std::stop_token stop) = 0;
  /// Valid after the end.
  [[nodiscard]] virtual const Headers& trailers() const = 0;

  /// All of it. RequestEntityTooLarge beyond `sizeMax` bytes.
  Task<Result<std::string>> readAll(size_t sizeMax, std::stop_token stop);
};

/// A request as a server got it. Lives while Handler::serve runs.
struct Request {
  std::string method;
  std::string path;   ///< as sent: still percent-encoded, without query
  std::string query;  ///< without "?"
  std::string host;
  Headers headers;
  BodyReader* body = nullptr;    ///< never null
  bool bodyArrived = false;      ///< all of it is here: reading will not wait
  std::string peerAddress;       ///< "10.0.0.1:4711"
  const TlsInfo* tls = nullptr;  ///< null: not TLS
  int majorVersion = 1;
  /// Requested when the client goes away or the server stops hard.
  std::stop_token stop;
};

class ResponseWriter;

/// What goes on of an answer when Handler::serve has returned: a watch. While it has nothing to
/// send it costs no more than itself: no coroutine, nothing of the request. One executor.
class LastingAnswer {
 public:
  virtual ~LastingAnswer() = default;
  /// Sends what there is, at first and each time it has called `wake`. False: that was all, and it
  /// has ended the answer. A failure: the client is gone. Not called while it runs.
  virtual Task<Result<bool>> advance(ResponseWriter& response) = 0;
  /// It is over, by itself or because the client left or the server stopped. Then it is destroyed.
  virtual void ended() {}

  /// The server's end of it.
  class Host {
   public:
    virtual ~Host() = default;
    virtual void wake() = 0;
  };
  void setHost(Host* host) { host_ = host; }

 protected:
  /// There is something to send.
  void wake() {
    if (host_) host_->wake();
  }

 private:
  Host* host_ = nullptr;
};

/// The answer to one request. Either `respond`, or `start`, `write`..., `end`, or `upgrade`.
/// Failures mean that the client is gone; the handler should return.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  /// Sends status and headers at once. Without Content-Length the body is chunked.
  virtual Task<Status> start(int status, Headers headers) = 0;
  /// Sends a piece of the body at once; waits while the client is slow. `data` outlives the task.
  virtual Task<Status> write(std::string_view data) = 0;
  virtual Task<Status> end(Headers trailers) = 0;
  Task<Status> end() { return end(Headers()); }
  /// The whole answer. Content-Length is added.
  virtual Task<Status> respond(int status, Headers headers, std::string body) = 0;
  /// HTTP/1.1 only: answers 101 with `headers` and hands over the connection, bytes that the client
  /// sent early included. BadRequest on HTTP/2.
  virtual Task<Result<std::unique_ptr<Stream>>> upgrade(Headers headers) = 0;
  [[nodiscard]] virtual bool started() const = 0;
  /// After `start`: the server goes on with `rest` as soon as Handler::serve has returned, which is
  /// to return at once.
  virtual void goOnWith(std::shared_ptr<LastingAnswer> rest) = 0;
  /// From now on writes fail when the client has taken nothing for so long; 0, as at first: never.
  virtual void limitStalls(Duration longest) {}
};

/// Serves requests, many at a time, each in a coroutine of its own.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Task<void> serve(Request& request, ResponseWriter& response) = 0;
};

/// Bounds of what a peer may send.
struct HttpLimits {
  size_t headerBytesMax = 1 << 20;  ///< answers 431 beyond
  size_t headerFieldsMax = 1000;
  size_t bodyBytesMax = 0;  ///< 0: up to the handler
  size_t connectionsMax = 10000;
  size_t streamsMax = 250;  ///< requests at a time on one HTTP/2 connection
  Duration headerTimeout = 32s;
  Duration idleTimeout = 120s;
};

}  // namespace coxswain::net
