#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "client/http/rest_client.h"
#include "client/http/wire_status.h"

namespace coxswain::client {

Status fromWire(const api::meta::v1::Status& wire) {
  auto code = wire.code >= 100 && wire.code < 600 ? wire.code : 500;
  Status status(reasonFromName(wire.reason), code,
                wire.message.empty() && wire.reason.empty() ? "unknown" : wire.message);
  if (!wire.details) return status;
  StatusDetails details;
  details.name = wire.details->name;
  details.group = wire.details->group;
  details.kind = wire.details->kind;
  details.uid = wire.details->uid;
  details.retryAfterSeconds = wire.details->retryAfterSeconds;
  for (const auto& cause : wire.details->causes) {
    details.causes.push_back({cause.reason, cause.message, cause.field});
  }
  return std::move(status).withDetails(std::move(details));
}

namespace {

struct Words {
  Reason reason;
  std::string message;
};

// The texts of client-go for answers that carry no Status.
Words wordsOf(int code, std::string_view method, std::string_view body) {
  switch (code) {
    case 400:
      return {Reason::BadRequest, "the server rejected our request for an unknown reason"};
    case 401:
      return {Reason::Unauthorized, "the server has asked for the client to provide credentials"};
    case 403:
      return {Reason::Forbidden, std::string(body)};
    case 404:
      return {Reason::NotFound, "the server could not find the requested resource"};
    case 405:
      return {Reason::MethodNotAllowed,
              "the server does not allow this method on the requested resource"};
    case 406:
      return {Reason::NotAcceptable,
              "the server was unable to respond with a content type that the client supports" +
                  (body.empty() ? std::string() : ": " + std::string(body))};
    case 409:
      return {method == "POST" ? Reason::AlreadyExists : Reason::Conflict,
              "the server reported a conflict"};
    case 413:
      return {Reason::RequestEntityTooLarge, "the request is too large"};
    case 415:
      return {Reason::UnsupportedMediaType, std::string(body)};
    case 422:
      return {Reason::Invalid, "the server rejected our request due to an error in our request"};
    case 429:
      return {Reason::TooManyRequests,
              "the server has received too many requests and has asked us to try again later"};
    case 503:
      return {Reason::ServiceUnavailable, "the server is currently unable to handle the request"};
    case 504:
      return {Reason::Timeout,
              "the server was unable to return a response in the time allotted, but may still be "
              "processing the request"};
    default:
      break;
  }
  if (code >= 500) {
    return {Reason::InternalError, "an error on the server (" + api::goQuote(body) +
                                       ") has prevented the request from succeeding"};
  }
  return {Reason::Unknown, "the server responded with the status code " + std::to_string(code) +
                               " but did not return more information"};
}

}  // namespace

Status statusOfAnswer(int code, std::string_view method, std::string_view contentType,
                      std::string_view body, int retryAfterSeconds) {
  api::meta::v1::Status wire;
  bool found = false;
  if (api::hasProtobufMagic(body)) {
    auto envelope = api::openEnvelope(body);
    found = envelope.ok() && envelope->kind == "Status" &&
            api::decodeProtobuf(api::meta::v1::Status::kInfo, envelope->raw, &wire).ok();
  } else if (body.starts_with('{')) {
    api::JsonReport report;
    found = api::decodeJson(api::meta::v1::Status::kInfo, body, &wire, &report).ok() &&
            report.kind == "Status";
  }
  if (found && wire.status != "Success") {
    if (wire.code == 0) wire.code = code;
    return fromWire(wire);
  }
  constexpr size_t kTextMax = 2048;
  auto text = body.substr(0, kTextMax);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (contentType.starts_with("application/vnd.kubernetes.protobuf")) text = "unknown";
  auto words = wordsOf(code, method, text.empty() ? "unknown" : text);
  StatusDetails details;
  details.retryAfterSeconds = retryAfterSeconds;
  details.causes.push_back({"UnexpectedServerResponse", std::string(text), ""});
  return Status(words.reason, code, std::move(words.message)).withDetails(std::move(details));
}

}  // namespace coxswain::client
