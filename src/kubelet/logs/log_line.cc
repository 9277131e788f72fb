#include "kubelet/logs/log_line.h"

#include "api/meta/time.h"

namespace coxswain::kubelet::logs {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Where the fraction begins ("." included) and ends; both the same where there is none.
std::pair<size_t, size_t> fractionOf(std::string_view timestamp) {
  constexpr size_t kSeconds = 19;  // "2016-10-06T00:17:09"
  if (timestamp.size() <= kSeconds) return {timestamp.size(), timestamp.size()};
  size_t end = kSeconds;
  if (timestamp[end] == '.' || timestamp[end] == ',') do
      ++end;
    while (end < timestamp.size() && isDigit(timestamp[end]));
  return {kSeconds, end};
}

/// The word up to the next space, which is taken off too. Nullopt: no space.
std::optional<std::string_view> takeWord(std::string_view& text) {
  auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto word = text.substr(0, space);
  text.remove_prefix(space + 1);
  return word;
}

}  // namespace

std::optional<WallTime> parseLogTime(std::string_view text) {
  auto seconds = api::Time::parse(text);
  if (!seconds.ok()) return std::nullopt;
  auto [begin, end] = fractionOf(text);
  int64_t nanos = 0;
  int64_t unit = 100'000'000;
  for (size_t i = begin + 1; i < end; ++i, unit /= 10) nanos += (text[i] - '0') * unit;
  return seconds->wall() + Duration(nanos);
}

std::optional<LogLine> parseLogLine(std::string_view text) {
  LogLine out;
  auto timestamp = takeWord(text);
  auto stream = timestamp ? takeWord(text) : std::nullopt;
  auto tags = stream ? takeWord(text) : std::nullopt;
  // A runtime may leave out the space before an empty content.
  if (stream && !tags) tags = std::exchange(text, std::string_view());
  if (!tags || tags->empty()) return std::nullopt;
  auto when = parseLogTime(*timestamp);
  if (!when) return std::nullopt;
  if (*stream != "stdout" && *stream != "stderr") return std::nullopt;
  out.timestamp = *timestamp;
  out.when = *when;
  out.fromStderr = *stream == "stderr";
  out.partial = tags->substr(0, tags->find(':')) == "P";
  out.content = text;
  return out;
}

std::string fixedTimestamp(std::string_view timestamp) {
  auto [begin, end] = fractionOf(timestamp);
  std::string out(timestamp.substr(0, begin));
  auto digits = begin < end ? timestamp.substr(begin + 1, end - begin - 1) : std::string_view();
  digits = digits.substr(0, 9);
  out += '.';
  out += digits;
  out.append(9 - digits.size(), '0');
  out += timestamp.substr(end);
  return out;
}

}  // namespace coxswain::kubelet::logs
