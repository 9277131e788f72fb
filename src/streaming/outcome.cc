#include "streaming/outcome.h"

#include <charconv>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"

namespace coxswain::streaming {
namespace {

namespace meta = api::meta::v1;
constexpr std::string_view kNonZeroExitCode = "NonZeroExitCode";
constexpr std::string_view kExitCode = "ExitCode";

std::optional<int> exitCodeOf(const meta::Status& wire) {
  if (wire.reason != kNonZeroExitCode || !wire.details) return std::nullopt;
  for (const auto& cause : wire.details->causes) {
    if (cause.reason != kExitCode) continue;
    int code = 0;
    const char* end = cause.message.data() + cause.message.size();
    auto parsed = std::from_chars(cause.message.data(), end, code);
    if (parsed.ec == std::errc() && parsed.ptr == end && code != 0) return code;
  }
  return std::nullopt;
}

}  // namespace

Outcome Outcome::exited(int code, std::string message) {
  if (code == 0) return {};
  if (message.empty())
    message = "command terminated with non-zero exit code: exit status " + std::to_string(code);
  return {Status(Reason::Unknown, 500, std::move(message)), code};
}

std::string encodeOutcome(const Outcome& outcome) {
  meta::Status wire;
  wire.status = outcome.ok() ? "Success" : "Failure";
  if (!outcome.ok()) {
    wire.message = outcome.status.message();
    if (outcome.exitCode) {
      wire.reason = kNonZeroExitCode;
      meta::StatusDetails details;
      meta::StatusCause cause;
      cause.reason = kExitCode;
      cause.message = std::to_string(*outcome.exitCode);
      details.causes.push_back(std::move(cause));
      wire.details = std::move(details);
    } else {
      wire.reason = reasonName(outcome.status.reason());
      wire.code = outcome.status.code();
    }
  }
  api::JsonEncodeOptions options;
  options.typeMeta = false;
  return api::encodeJson(wire, options);
}

Result<Outcome> decodeOutcome(std::string_view json) {
  auto wire = api::decodeJson<meta::Status>(json);
  if (!wire.ok())
    return badRequest("error stream protocol error: " + wire.status().message() + " in \"" +
                      std::string(json.substr(0, 200)) + "\"");
  if (wire->status == "Success") return Outcome::succeeded();
  if (wire->status != "Failure")
    return badRequest("error stream protocol error: unknown error status \"" + wire->status + "\"");
  if (auto code = exitCodeOf(*wire)) return Outcome::exited(*code, wire->message);
  int code = wire->code >= 400 && wire->code < 600 ? wire->code : 500;
  return Outcome::failed(Status(reasonFromName(wire->reason), code, wire->message));
}

std::string encodeOutcomeText(const Outcome& outcome) {
  return outcome.ok() ? std::string() : outcome.status.message();
}

Outcome decodeOutcomeText(std::string_view text) {
  if (text.empty()) return Outcome::succeeded();
  return Outcome::failed(
      Status(Reason::Unknown, 500, "error executing remote command: " + std::string(text)));
}

}  // namespace coxswain::streaming
