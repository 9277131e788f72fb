#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain {

/// Machine readable cause of a failure: the `reason` of metav1.Status. A reason of our own is added
/// only where some caller acts on it.
enum class Reason : uint8_t {
  Unknown,
  Unauthorized,
  Forbidden,
  NotFound,
  AlreadyExists,
  Conflict,
  Gone,
  Invalid,
  ServerTimeout,
  StoreReadError,
  Timeout,
  TooManyRequests,
  BadRequest,
  MethodNotAllowed,
  NotAcceptable,
  RequestEntityTooLarge,
  UnsupportedMediaType,
  InternalError,
  Expired,
  ServiceUnavailable,
  // Never on the wire; they end waits and connections inside this program.
  Canceled,
  EndOfStream,
  Unreachable,
};

/// One cause of an Invalid (or similar) answer: metav1.StatusCause.
struct StatusCause {
  std::string type;     ///< "FieldValueInvalid", "FieldValueRequired", ...
  std::string message;  ///< for people
  std::string field;    ///< path such as "spec.containers[0].name"; may be empty
  bool operator==(const StatusCause&) const = default;
};

/// metav1.StatusDetails.
struct StatusDetails {
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  std::vector<StatusCause> causes;
  int32_t retryAfterSeconds = 0;  ///< 0: not given
  bool operator==(const StatusDetails&) const = default;
};

/// Outcome of an operation without a value, shaped like the wire's metav1.Status. Success costs one
/// null pointer; a failure owns its text. Values: copy, move, compare.
class [[nodiscard]] Status {
 public:
  /// Success.
  Status() = default;
  Status(Reason reason, int code, std::string message);

  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  static Status success() { return {}; }

  [[nodiscard]] bool ok() const { return state_ == nullptr; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] Reason reason() const;
  /// HTTP status code; 200 for success.
  [[nodiscard]] int code() const;
  [[nodiscard]] const std::string& message() const;
  /// Null where a failure has no details, and for success.
  [[nodiscard]] const StatusDetails* details() const;

  Status& withDetails(StatusDetails details) &;
  Status&& withDetails(StatusDetails details) &&;
  /// Puts "context: " before the message. Keeps reason, code and details. No effect on success.
  [[nodiscard]] Status withContext(std::string_view context) const;

  /// "NotFound: pods \"a\" not found", for logs.
  [[nodiscard]] std::string toString() const;

  bool operator==(const Status& other) const;

 private:
  struct State;
  struct StateDeleter {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, StateDeleter> state_;
};

/// The `reason` string on the wire; empty for Unknown and for reasons that never leave the program.
std::string_view reasonName(Reason reason);
Reason reasonFromName(std::string_view name);

// Makers. Texts are those a 1.36 API server sends; `resource` is "pods" or "deployments.apps".
Status notFound(std::string_view resource, std::string_view name);
Status alreadyExists(std::string_view resource, std::string_view name);
Status conflict(std::string_view resource, std::string_view name, std::string_view why);
Status forbidden(std::string_view resource, std::string_view name, std::string_view why);
/// `kind` is "Pod" or "Deployment.apps"; the message joins the causes as upstream does.
Status invalid(std::string_view kind, std::string_view name, std::vector<StatusCause> causes);
Status badRequest(std::string message);
Status unauthorized(std::string message = "Unauthorized");
Status methodNotAllowed(std::string_view resource, std::string_view verb);
/// Message becomes "Internal error occurred: <why>".
Status internalError(std::string_view why);
Status serviceUnavailable(std::string message);
Status timeoutError(std::string message, int32_t retryAfterSeconds = 0);
Status tooManyRequests(std::string message, int32_t retryAfterSeconds);
/// 410, the resource version is too old.
Status expired(std::string message);
Status gone(std::string message);
Status requestEntityTooLarge(std::string message);
Status unsupportedMediaType(std::string message);
Status notAcceptable(std::string message);
/// The wait was stopped by its owner.
Status canceled();
/// The peer ended the stream in order.
Status endOfStream();
/// The peer cannot be reached (refused, no route, closed in the middle).
Status unreachable(std::string message);
/// From errno, with what was tried: "open /a/b: No such file or directory".
Status errnoStatus(std::string_view what, int error);

// Askers.
inline bool isNotFound(const Status& s) {
  return s.reason() == Reason::NotFound;
}
inline bool isAlreadyExists(const Status& s) {
  return s.reason() == Reason::AlreadyExists;
}
inline bool isConflict(const Status& s) {
  return s.reason() == Reason::Conflict;
}
inline bool isForbidden(const Status& s) {
  return s.reason() == Reason::Forbidden;
}
inline bool isInvalid(const Status& s) {
  return s.reason() == Reason::Invalid;
}
inline bool isExpired(const Status& s) {
  return s.reason() == Reason::Expired || s.reason() == Reason::Gone;
}
inline bool isCanceled(const Status& s) {
  return s.reason() == Reason::Canceled;
}
inline bool isEndOfStream(const Status& s) {
  return s.reason() == Reason::EndOfStream;
}
inline bool isTimeout(const Status& s) {
  return s.reason() == Reason::Timeout;
}
inline bool isUnreachable(const Status& s) {
  return s.reason() == Reason::Unreachable;
}
inline bool isTooManyRequests(const Status& s) {
  return s.reason() == Reason::TooManyRequests;
}

}  // namespace coxswain
