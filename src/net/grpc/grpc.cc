#include "net/grpc/grpc.h"

#include <charconv>

#include "runtime/spawn.h"

namespace coxswain::net::grpc {
namespace {

constexpr std::string_view kContentType = "application/grpc";

std::string frame(std::string_view message) {
  std::string out(5, '\0');
  auto size = static_cast<uint32_t>(message.size());
  for (int i = 0; i < 4; ++i) out[4 - i] = static_cast<char>(size >> (8 * i));
  out += message;
  return out;
}

/// grpc-message travels percent-encoded.
std::string encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '%') {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

std::string decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      auto end = text.data() + i + 3;
      auto [at, error] = std::from_chars(text.data() + i + 1, end, value, 16);
      if (error == std::errc() && at == end) {
        out += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

Status statusOf(const Headers& headers) {
  auto text = headers.get("grpc-status");
  int code = 2;
  auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || code < 0 || code > 16) code = 2;
  return toStatus(static_cast<Code>(code), decode(headers.get("grpc-message")));
}

/// "100m" and the like; nullopt when absent or malformed.
std::optional<Duration> parseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  int64_t number = 0;
  auto end = text.data() + text.size() - 1;
  auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end || number < 0) return std::nullopt;
  switch (text.back()) {
    case 'H':
      return std::min<Duration>(std::chrono::hours(std::min<int64_t>(number, 10000)), 9000h);
    case 'M':
      return std::chrono::minutes(std::min<int64_t>(number, 500000));
    case 'S':
      return std::chrono::seconds(number);
    case 'm':
      return std::chrono::milliseconds(number);
    case 'u':
      return std::chrono::microseconds(number);
    case 'n':
      return std::chrono::nanoseconds(number);
    default:
      return std::nullopt;
  }
}

}  // namespace

Status toStatus(Code code, std::string message) {
  switch (code) {
    case Code::Ok:
      return {};
    case Code::Cancelled:
      return Status(Reason::Canceled, 499, std::move(message));
    case Code::InvalidArgument:
      return badRequest(std::move(message));
    case Code::DeadlineExceeded:
      return Status(Reason::Timeout, 504, std::move(message));
    case Code::NotFound:
      return Status(Reason::NotFound, 404, std::move(message));
    case Code::AlreadyExists:
      return Status(Reason::AlreadyExists, 409, std::move(message));
    case Code::PermissionDenied:
      return Status(Reason::Forbidden, 403, std::move(message));
    case Code::ResourceExhausted:
      return Status(Reason::TooManyRequests, 429, std::move(message));
    case Code::FailedPrecondition:
      return Status(Reason::BadRequest, 412, std::move(message));
    case Code::Aborted:
      return Status(Reason::Conflict, 409, std::move(message));
    case Code::OutOfRange:
      return Status(Reason::BadRequest, 416, std::move(message));
    case Code::Unimplemented:
      return Status(Reason::Unknown, 501, std::move(message));
    case Code::Unavailable:
      return serviceUnavailable(std::move(message));
    case Code::Unauthenticated:
      return unauthorized(std::move(message));
    case Code::Internal:
      return Status(Reason::InternalError, 500, std::move(message));
    default:
      return Status(Reason::Unknown, 500, std::move(message));
  }
}

Code toCode(const Status& status) {
  if (status.ok()) return Code::Ok;
  switch (status.reason()) {
    case Reason::Canceled:
      return Code::Cancelled;
    case Reason::Timeout:
    case Reason::ServerTimeout:
      return Code::DeadlineExceeded;
    case Reason::NotFound:
      return Code::NotFound;
    case Reason::AlreadyExists:
      return Code::AlreadyExists;
    case Reason::Forbidden:
      return Code::PermissionDenied;
    case Reason::Unauthorized:
      return Code::Unauthenticated;
    case Reason::TooManyRequests:
    case Reason::RequestEntityTooLarge:
      return Code::ResourceExhausted;
    case Reason::Conflict:
      return Code::Aborted;
    case Reason::ServiceUnavailable:
    case Reason::Unreachable:
      return Code::Unavailable;
    case Reason::InternalError:
      return Code::Internal;
    case Reason::BadRequest:
    case Reason::Invalid:
      return status.code() == 412   ? Code::FailedPrecondition
             : status.code() == 416 ? Code::OutOfRange
                                    : Code::InvalidArgument;
    default:
      return status.code() == 501 ? Code::Unimplemented : Code::Unknown;
  }
}

Task<Result<std::optional<std::string>>> MessageReader::next(std::stop_token stop) {
  while (true) {
    if (buffer_.size() >= 5) {
      if (buffer_[0] != 0) co_return toStatus(Code::Unimplemented, "grpc: compressed message");
      size_t size = 0;
      for (int i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(buffer_[i]);
      if (size > sizeMax_)
        co_return toStatus(Code::ResourceExhausted, "grpc: received message larger than max (" +
                                                        std::to_string(size) + " vs. " +
                                                        std::to_string(sizeMax_) + ")");
      if (buffer_.size() - 5 >= size) {
        std::string message = buffer_.substr(5, size);
        buffer_.erase(0, 5 + size);
        co_return std::optional<std::string>(std::move(message));
      }
    }
    CO_TRY(auto piece, co_await body_.read(stop));
    if (piece.empty()) {
      if (!buffer_.empty()) co_return toStatus(Code::Internal, "grpc: unexpected end of message");
      co_return std::optional<std::string>();
    }
    buffer_ += piece;
  }
}

Task<Status> ClientCall::send(std::string_view message, std::stop_token stop) {
  auto bytes = frame(message);
  co_return co_await exchange_->write(bytes, stop);
}

Task<Result<std::optional<std::string>>> ClientCall::receive(std::stop_token stop) {
  if (!checked_) {
    CO_TRY_STATUS(co_await exchange_->awaitHeaders(stop));
    checked_ = true;
    const auto& headers = exchange_->headers();
    if (headers.has("grpc-status")) {  // an answer of trailers only
      Status status = statusOf(headers);
      if (!status.ok()) co_return status;
    } else if (exchange_->status() != 200 ||
               !headers.get("content-type").starts_with(kContentType)) {
      co_return toStatus(exchange_->status() == 404 ? Code::Unimplemented : Code::Unavailable,
                         "unexpected HTTP status code received from server: " +
                             std::to_string(exchange_->status()));
    }
  }
  CO_TRY(auto message, co_await reader_.next(stop));
  if (message) co_return std::move(message);
  const auto& trailers = exchange_->body().trailers();
  Status status;
  if (trailers.has("grpc-status")) {
    status = statusOf(trailers);
  } else if (!exchange_->headers().has("grpc-status")) {
    status = toStatus(Code::Internal, "server closed the stream without sending trailers");
  }
  if (!status.ok()) co_return status;
  co_return std::optional<std::string>();
}

namespace {
HttpClientOptions always2(HttpClientOptions options) {
  options.http2 = true;
  options.http2Always = true;
  return options;
}
}  // namespace

Channel::Channel(Reactor& reactor, HttpClientOptions options)
    : client_(reactor, always2(std::move(options))) {}

Task<Result<std::unique_ptr<ClientCall>>> Channel::open(std::string method, Headers metadata,
                                                        std::stop_token stop) {
  ClientRequest request;
  request.method = "POST";
  request.target = std::move(method);
  request.headers = std::move(metadata);
  request.headers.set("content-type", std::string(kContentType));
  request.headers.set("te", "trailers");
  request.headers.set("user-agent", "coxswain-grpc");
  CO_TRY(auto exchange, co_await client_.open(std::move(request), stop));
  co_return std::make_unique<ClientCall>(std::move(exchange));
}

Task<Result<std::string>> Channel::call(std::string method, std::string message, Headers metadata,
                                        std::stop_token stop) {
  CO_TRY(auto call, co_await open(std::move(method), std::move(metadata), stop));
  // A failure to send shows in the answer, with the reason.
  Status sent = co_await call->send(message, stop);
  if (sent.ok()) sent = call->finishSending();
  CO_TRY(auto answer, co_await call->receive(stop));
  if (!answer) co_return toStatus(Code::Internal, "no message in a unary answer");
  CO_TRY(auto more, co_await call->receive(stop));
  if (more) co_return toStatus(Code::Internal, "more than one message in a unary answer");
  co_return std::move(*answer);
}

Task<Status> ServerCall::send(std::string_view message) {
  if (!response_.started()) {
    Headers headers;
    headers.add("content-type", std::string(kContentType));
    CO_TRY_STATUS(co_await response_.start(200, std::move(headers)));
  }
  auto bytes = frame(message);
  co_return co_await response_.write(bytes);
}

Task<Status> Server::dispatch(Request& request, ServerCall& call) {
  auto slash = request.path.rfind('/');
  auto it = slash == std::string::npos || slash == 0
                ? services_.end()
                : services_.find(std::string_view(request.path).substr(1, slash - 1));
  if (it == services_.end())
    co_return toStatus(Code::Unimplemented, "unknown service " + request.path);
  auto method = request.path.substr(slash + 1);
  auto timeout = parseTimeout(request.headers.get("grpc-timeout"));
  if (!timeout) co_return co_await it->second->serve(method, call, request.stop);
  Deadline deadline(*timeout, request.stop);
  Status status = co_await it->second->serve(method, call, deadline.token());
  if (deadline.expired()) status = toStatus(Code::DeadlineExceeded, "context deadline exceeded");
  co_return status;
}

Task<void> Server::serve(Request& request, ResponseWriter& response) {
  Status sent;
  if (request.majorVersion != 2 || request.method != "POST" ||
      !request.headers.get("content-type").starts_with(kContentType)) {
    sent = co_await response.respond(415, Headers(), "gRPC requires HTTP/2\n");
    co_return;
  }
  ServerCall call(request, response);
  Status status = co_await dispatch(request, call);
  if (!response.started()) {
    Headers headers;
    headers.add("content-type", std::string(kContentType));
    sent = co_await response.start(200, std::move(headers));
  }
  Headers trailers;
  trailers.add("grpc-status", std::to_string(static_cast<int>(toCode(status))));
  if (!status.ok()) trailers.add("grpc-message", encode(status.message()));
  if (sent.ok()) sent = co_await response.end(std::move(trailers));
}

}  // namespace coxswain::net::grpc
