#include "kubelet/logs/log_options.h"

#include <charconv>

#include "api/meta/time.h"

namespace coxswain::kubelet::logs {
namespace {

Result<std::optional<int64_t>> integer(const net::Query& query, std::string_view name) {
  auto text = query.find(name);
  if (!text || text->empty()) return std::optional<int64_t>();
  int64_t value = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return badRequest("Unable to decode query: " + std::string(name) + ": \"" + *text +
                      "\" is not a number");
  return std::optional<int64_t>(value);
}

/// As upstream's conversion of query parameters: anything but a few words for no means yes.
bool boolean(const net::Query& query, std::string_view name) {
  auto text = query.find(name);
  return text && *text != "false" && *text != "0" && *text != "False" && *text != "FALSE" &&
         *text != "f" && *text != "F";
}

Status outOfRange(std::string field, int64_t value, std::string_view rule) {
  StatusCause cause{"FieldValueInvalid",
                    "Invalid value: " + std::to_string(value) + ": must be " + std::string(rule),
                    std::move(field)};
  return invalid("PodLogOptions", "", {std::move(cause)});
}

Status exclusive(std::string field, std::string message) {
  StatusCause cause{"FieldValueForbidden", "Forbidden: " + std::move(message), std::move(field)};
  return invalid("PodLogOptions", "", {std::move(cause)});
}

}  // namespace

Result<LogOptions> LogOptions::parse(const net::Query& query, WallTime now) {
  LogOptions out;
  out.follow = boolean(query, "follow");
  out.previous = boolean(query, "previous");
  out.timestamps = boolean(query, "timestamps");
  TRY(out.tailLines, integer(query, "tailLines"));
  TRY(out.limitBytes, integer(query, "limitBytes"));
  TRY(auto sinceSeconds, integer(query, "sinceSeconds"));
  auto sinceTime = query.get("sinceTime");
  if (out.tailLines && *out.tailLines < 0)
    return outOfRange("tailLines", *out.tailLines, "greater than or equal to 0");
  if (out.limitBytes && *out.limitBytes < 1)
    return outOfRange("limitBytes", *out.limitBytes, "greater than 0");
  if (sinceSeconds && !sinceTime.empty())
    return exclusive("", "at most one of `sinceTime` or `sinceSeconds` may be specified");
  if (sinceSeconds && *sinceSeconds < 1)
    return outOfRange("sinceSeconds", *sinceSeconds, "greater than 0");
  if (sinceSeconds) {
    constexpr int64_t kSecondsMax = 100LL * 365 * 24 * 3600;
    out.since = now - std::chrono::seconds(std::min(*sinceSeconds, kSecondsMax));
  }
  if (!sinceTime.empty()) {
    TRY(auto when, api::Time::parse(sinceTime));
    out.since = when.wall();
  }
  auto stream = query.get("stream");
  if (stream == "Stdout") {
    out.stream = LogStream::Stdout;
  } else if (stream == "Stderr") {
    out.stream = LogStream::Stderr;
  } else if (!stream.empty() && stream != "All") {
    StatusCause cause{
        "FieldValueNotSupported",
        "Unsupported value: \"" + stream + "\": supported values: \"All\", \"Stderr\", \"Stdout\"",
        "stream"};
    return invalid("PodLogOptions", "", {std::move(cause)});
  }
  if (out.stream != LogStream::All && out.tailLines)
    return exclusive("", "`tailLines` and specific `stream` are mutually exclusive for now");
  return out;
}

}  // namespace coxswain::kubelet::logs
