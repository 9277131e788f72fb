#include "cli/framework/errors.h"

#include <algorithm>

#include "api/names/quote.h"

namespace coxswain::cli {

namespace {
constexpr int kFaultCode = 1;

std::string invalidText(const Status& status) {
  std::string text = "The request is invalid";
  const auto* details = status.details();
  if (!details) {
    return text + (status.message().empty() ? "" : ": " + status.message()) + "\n";
  }
  if (!details->kind.empty() || !details->name.empty()) {
    text = "The " + details->kind + " " + api::goQuote(details->name) + " is invalid";
  } else if (!status.message().empty() && details->causes.empty()) {
    text += ": " + status.message();
  }
  if (details->causes.empty()) return text + "\n";
  std::vector<std::string> lines;
  for (const auto& cause : details->causes) {
    auto line = cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  if (lines.size() == 1) return text + ": " + lines[0] + "\n";
  text += ": \n";
  for (const auto& line : lines) text += "* " + line + "\n";
  return text;
}

}  // namespace

Status fault(std::string message) {
  return Status(Reason::Unknown, kFaultCode, std::move(message));
}

Status asFault(const Status& status) {
  return status.ok() ? status : fault(status.message());
}

bool isFault(const Status& status) {
  return status.code() == kFaultCode;
}

std::string errorText(const Status& status, std::string_view server) {
  const auto& message = status.message();
  switch (status.reason()) {
    case Reason::Unreachable:
      if (message.find("refused") != std::string::npos) {
        return "The connection to the server " + std::string(server) +
               " was refused - did you specify the right host or port?\n";
      }
      return "Unable to connect to the server: " + message + "\n";
    case Reason::Canceled:
    case Reason::EndOfStream:
      return "error: " + message + "\n";
    case Reason::Invalid:
      return invalidText(status);
    case Reason::Unauthorized:
      return "error: You must be logged in to the server (" + message + ")\n";
    default:
      break;
  }
  if (isFault(status)) {
    std::string text = message.starts_with("error: ") ? message : "error: " + message;
    if (!text.ends_with('\n')) text.push_back('\n');
    return text;
  }
  auto reason = reasonName(status.reason());
  if (reason.empty()) return "Error from server: " + message + "\n";
  return "Error from server (" + std::string(reason) + "): " + message + "\n";
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

}  // namespace coxswain::cli
