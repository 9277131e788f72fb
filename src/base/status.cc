#include "base/status.h"

#include <array>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

namespace coxswain {

struct Status::State {
  Reason reason = Reason::Unknown;
  int code = 500;
  std::string message;
  std::unique_ptr<StatusDetails> details;
};

void Status::StateDeleter::operator()(State* state) const {
  delete state;
}

Status::Status(Reason reason, int code, std::string message)
    : state_(new State{reason, code, std::move(message), nullptr}) {}

Status::Status(const Status& other) {
  if (!other.state_) return;
  state_.reset(new State{other.state_->reason, other.state_->code, other.state_->message, nullptr});
  if (other.state_->details) {
    state_->details = std::make_unique<StatusDetails>(*other.state_->details);
  }
}

Status& Status::operator=(const Status& other) {
  if (this != &other) {
    Status copy(other);
    state_ = std::move(copy.state_);
  }
  return *this;
}

Reason Status::reason() const {
  return state_ ? state_->reason : Reason::Unknown;
}
int Status::code() const {
  return state_ ? state_->code : 200;
}

const std::string& Status::message() const {
  static const std::string kEmpty;
  return state_ ? state_->message : kEmpty;
}

const StatusDetails* Status::details() const {
  return state_ ? state_->details.get() : nullptr;
}

Status& Status::withDetails(StatusDetails details) & {
  if (state_) state_->details = std::make_unique<StatusDetails>(std::move(details));
  return *this;
}

Status&& Status::withDetails(StatusDetails details) && {
  withDetails(std::move(details));
  return std::move(*this);
}

Status Status::withContext(std::string_view context) const {
  Status result(*this);
  if (result.state_) {
    result.state_->message = std::string(context) + ": " + result.state_->message;
  }
  return result;
}

std::string Status::toString() const {
  if (ok()) return "OK";
  auto name = reasonName(state_->reason);
  if (name.empty()) return state_->message;
  return std::string(name) + ": " + state_->message;
}

bool Status::operator==(const Status& other) const {
  if (ok() || other.ok()) return ok() == other.ok();
  const StatusDetails* mine = details();
  const StatusDetails* theirs = other.details();
  if ((mine == nullptr) != (theirs == nullptr)) return false;
  return reason() == other.reason() && code() == other.code() && message() == other.message() &&
         (mine == nullptr || *mine == *theirs);
}

namespace {

constexpr std::array<std::string_view, 20> kReasonNames = {
    "",
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Gone",
    "Invalid",
    "ServerTimeout",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "BadRequest",
    "MethodNotAllowed",
    "NotAcceptable",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
};

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

/// "deployments.apps" -> {"deployments", "apps"}.
std::pair<std::string, std::string> splitGroup(std::string_view resource) {
  auto dot = resource.find('.');
  if (dot == std::string_view::npos) return {std::string(resource), ""};
  return {std::string(resource.substr(0, dot)), std::string(resource.substr(dot + 1))};
}

StatusDetails detailsFor(std::string_view resource, std::string_view name) {
  auto [kind, group] = splitGroup(resource);
  StatusDetails details;
  details.name = name;
  details.group = std::move(group);
  details.kind = std::move(kind);
  return details;
}

}  // namespace

std::string_view reasonName(Reason reason) {
  auto index = static_cast<size_t>(reason);
  return index < kReasonNames.size() ? kReasonNames[index] : std::string_view();
}

Reason reasonFromName(std::string_view name) {
  for (size_t i = 1; i < kReasonNames.size(); ++i) {
    if (kReasonNames[i] == name) return static_cast<Reason>(i);
  }
  return Reason::Unknown;
}

Status notFound(std::string_view resource, std::string_view name) {
  return Status(Reason::NotFound, 404, std::string(resource) + " " + quoted(name) + " not found")
      .withDetails(detailsFor(resource, name));
}

Status alreadyExists(std::string_view resource, std::string_view name) {
  return Status(Reason::AlreadyExists, 409,
                std::string(resource) + " " + quoted(name) + " already exists")
      .withDetails(detailsFor(resource, name));
}

Status conflict(std::string_view resource, std::string_view name, std::string_view why) {
  return Status(Reason::Conflict, 409,
                "Operation cannot be fulfilled on " + std::string(resource) + " " + quoted(name) +
                    ": " + std::string(why))
      .withDetails(detailsFor(resource, name));
}

Status forbidden(std::string_view resource, std::string_view name, std::string_view why) {
  std::string message;
  if (resource.empty()) {
    message = "forbidden: " + std::string(why);
  } else if (name.empty()) {
    message = std::string(resource) + " is forbidden: " + std::string(why);
  } else {
    message = std::string(resource) + " " + quoted(name) + " is forbidden: " + std::string(why);
  }
  return Status(Reason::Forbidden, 403, std::move(message)).withDetails(detailsFor(resource, name));
}

Status invalid(std::string_view kind, std::string_view name, std::vector<StatusCause> causes) {
  auto line = [](const StatusCause& cause) {
    return cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
  };
  // Upstream drops repeated lines and puts several in brackets.
  std::set<std::string> lines;
  std::string joined;
  for (const auto& cause : causes) {
    const auto [text, isNew] = lines.insert(line(cause));
    if (!isNew) continue;
    if (!joined.empty()) joined += ", ";
    joined += *text;
  }
  if (lines.size() > 1) joined = "[" + joined + "]";
  std::string message = std::string(kind) + " " + quoted(name) + " is invalid";
  if (!joined.empty()) message += ": " + joined;
  auto details = detailsFor(kind, name);
  details.causes = std::move(causes);
  return Status(Reason::Invalid, 422, std::move(message)).withDetails(std::move(details));
}

Status badRequest(std::string message) {
  return {Reason::BadRequest, 400, std::move(message)};
}
Status unauthorized(std::string message) {
  return {Reason::Unauthorized, 401, std::move(message)};
}

Status methodNotAllowed(std::string_view resource, std::string_view verb) {
  auto details = detailsFor(resource, "");
  return Status(Reason::MethodNotAllowed, 405,
                std::string(verb) + " is not supported on resources of kind " + quoted(resource))
      .withDetails(std::move(details));
}

Status internalError(std::string_view why) {
  StatusDetails details;
  details.causes.push_back({"", std::string(why), ""});
  return Status(Reason::InternalError, 500, "Internal error occurred: " + std::string(why))
      .withDetails(std::move(details));
}

Status serviceUnavailable(std::string message) {
  return {Reason::ServiceUnavailable, 503, std::move(message)};
}

namespace {
Status withRetry(Status status, int32_t retryAfterSeconds) {
  if (retryAfterSeconds > 0) {
    StatusDetails details;
    details.retryAfterSeconds = retryAfterSeconds;
    status.withDetails(std::move(details));
  }
  return status;
}
}  // namespace

Status timeoutError(std::string message, int32_t retryAfterSeconds) {
  return withRetry(Status(Reason::Timeout, 504, "Timeout: " + std::move(message)),
                   retryAfterSeconds);
}

Status tooManyRequests(std::string message, int32_t retryAfterSeconds) {
  return withRetry(Status(Reason::TooManyRequests, 429, std::move(message)), retryAfterSeconds);
}

Status expired(std::string message) {
  return {Reason::Expired, 410, std::move(message)};
}
Status gone(std::string message) {
  return {Reason::Gone, 410, std::move(message)};
}
Status requestEntityTooLarge(std::string message) {
  return {Reason::RequestEntityTooLarge, 413, std::move(message)};
}
Status unsupportedMediaType(std::string message) {
  return {Reason::UnsupportedMediaType, 415, std::move(message)};
}
Status notAcceptable(std::string message) {
  return {Reason::NotAcceptable, 406, std::move(message)};
}
Status canceled() {
  return {Reason::Canceled, 499, "canceled"};
}
Status endOfStream() {
  return {Reason::EndOfStream, 500, "EOF"};
}
Status unreachable(std::string message) {
  return {Reason::Unreachable, 503, std::move(message)};
}

Status errnoStatus(std::string_view what, int error) {
  std::string message = std::string(what) + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return {Reason::NotFound, 404, std::move(message)};
    case EEXIST:
      return {Reason::AlreadyExists, 409, std::move(message)};
    case EACCES:
    case EPERM:
      return {Reason::Forbidden, 403, std::move(message)};
    case ETIMEDOUT:
      return {Reason::Timeout, 504, std::move(message)};
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return {Reason::Unreachable, 503, std::move(message)};
    case ECANCELED:
      return canceled();
    default:
      return {Reason::InternalError, 500, std::move(message)};
  }
}

}  // namespace coxswain
