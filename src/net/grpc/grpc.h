#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/http.h"
#include "net/http_client.h"

/// gRPC over net's HTTP/2, carrying messages as bytes. Typed stubs are made where they are used.
/// Upstream: github.com/grpc/grpc doc/PROTOCOL-HTTP2.md.
namespace coxswain::net::grpc {

/// Numbers of the protocol.
enum class Code {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

/// There and back; NotFound, AlreadyExists, Timeout and so on keep their reason.
Status toStatus(Code code, std::string message);
Code toCode(const Status& status);
inline bool isUnimplemented(const Status& status) {
  return status.code() == 501;
}

inline constexpr size_t kMessageBytesMax = 16 << 20;

/// Messages cut out of a body.
class MessageReader {
 public:
  explicit MessageReader(BodyReader& body, size_t sizeMax = kMessageBytesMax)
      : body_(body), sizeMax_(sizeMax) {}
  /// Nullopt at the end of the stream.
  Task<Result<std::optional<std::string>>> next(std::stop_token stop);

 private:
  BodyReader& body_;
  size_t sizeMax_;
  std::string buffer_;
};

/// A call whose messages flow both ways. Destroying it cancels it.
class ClientCall {
 public:
  explicit ClientCall(std::unique_ptr<ClientExchange> exchange)
      : exchange_(std::move(exchange)), reader_(exchange_->body()) {}
  Task<Status> send(std::string_view message, std::stop_token stop);
  Status finishSending() { return exchange_->finish(); }
  /// The next message; nullopt when the call ended with OK; else the server's status.
  Task<Result<std::optional<std::string>>> receive(std::stop_token stop);

 private:
  std::unique_ptr<ClientExchange> exchange_;
  MessageReader reader_;
  bool checked_ = false;
};

/// Calls to one server ("unix:///run/containerd/containerd.sock", "https://host:port"). One
/// reactor; connects when needed, again after failures. close() before the reactor stops.
class Channel {
 public:
  Channel(Reactor& reactor, HttpClientOptions options);
  /// `method` is "/runtime.v1.RuntimeService/Version".
  Task<Result<std::string>> call(std::string method, std::string message, Headers metadata,
                                 std::stop_token stop);
  Task<Result<std::unique_ptr<ClientCall>>> open(std::string method, Headers metadata,
                                                 std::stop_token stop);
  Task<void> close() { return client_.close(); }

 private:
  HttpClient client_;
};

/// The server's side of one call.
class ServerCall {
 public:
  ServerCall(Request& request, ResponseWriter& response)
      : request_(request), response_(response), reader_(*request.body) {}
  [[nodiscard]] const Headers& metadata() const { return request_.headers; }
  Task<Result<std::optional<std::string>>> receive(std::stop_token stop) {
    return reader_.next(std::move(stop));
  }
  Task<Status> send(std::string_view message);

 private:
  friend class Server;
  Request& request_;
  ResponseWriter& response_;
  MessageReader reader_;
};

/// One method, or several (ServerCall's path is passed).
class Service {
 public:
  virtual ~Service() = default;
  /// What it returns becomes grpc-status and grpc-message. `stop` is the client's deadline or
  /// leave.
  virtual Task<Status> serve(const std::string& method, ServerCall& call, std::stop_token stop) = 0;
};

/// A Handler for HttpServer that serves gRPC. Services outlive it.
class Server final : public Handler {
 public:
  /// `name` is "runtime.v1.RuntimeService"; the service gets the methods behind it.
  void add(std::string name, Service& service) { services_[std::move(name)] = &service; }
  Task<void> serve(Request& request, ResponseWriter& response) override;

 private:
  Task<Status> dispatch(Request& request, ServerCall& call);
  std::map<std::string, Service*, std::less<>> services_;
};

}  // namespace coxswain::net::grpc
