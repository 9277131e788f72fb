#include "kubelet/logs/log_format.h"

#include <limits>

#include "kubelet/logs/log_line.h"

namespace coxswain::kubelet::logs {
namespace {
constexpr size_t kLineBytesMax = 1 << 20;
}

LogFormatter::LogFormatter(LogOptions options)
    : options_(options), left_(options.limitBytes.value_or(std::numeric_limits<int64_t>::max())) {}

bool LogFormatter::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    auto feed = bytes.find('\n');
    auto part = bytes.substr(0, feed);
    bytes.remove_prefix(feed == std::string_view::npos ? bytes.size() : feed + 1);
    if (tooLong_ || unfinished_.size() + part.size() > kLineBytesMax) {
      unfinished_.clear();
      tooLong_ = feed == std::string_view::npos;
      continue;
    }
    if (feed == std::string_view::npos) {
      unfinished_ += part;
      break;
    }
    bool goOn = true;
    if (unfinished_.empty()) {
      goOn = line(part, out);
    } else {
      unfinished_ += part;
      goOn = line(unfinished_, out);
      unfinished_.clear();
    }
    if (!goOn) return false;
  }
  return left_ > 0;
}

bool LogFormatter::finishFile(std::string& out) {
  auto text = std::exchange(unfinished_, std::string());
  tooLong_ = false;
  return text.empty() ? left_ > 0 : line(text, out);
}

bool LogFormatter::line(std::string_view text, std::string& out) {
  auto parsed = parseLogLine(text);
  if (!parsed) return true;
  if (options_.since && parsed->when < *options_.since) return true;
  if (options_.stream == LogStream::Stdout && parsed->fromStderr) return true;
  if (options_.stream == LogStream::Stderr && !parsed->fromStderr) return true;
  size_t before = out.size();
  if (options_.timestamps && lineBegins_) {
    out += fixedTimestamp(parsed->timestamp);
    out += ' ';
  }
  out += parsed->content;
  if (!parsed->partial) out += '\n';
  lineBegins_ = !parsed->partial;
  auto added = static_cast<int64_t>(out.size() - before);
  if (added >= left_) {
    out.resize(before + static_cast<size_t>(left_));
    left_ = 0;
    return false;
  }
  left_ -= added;
  return true;
}

}  // namespace coxswain::kubelet::logs
