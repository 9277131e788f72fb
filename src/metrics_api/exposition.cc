#include "metrics_api/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace coxswain::metrics_api {
namespace {

bool isBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

void skipBlanks(std::string_view& text) {
  while (!text.empty() && isBlank(text.front())) text.remove_prefix(1);
}

bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

std::string_view takeName(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && isNameCharacter(text[length])) ++length;
  const auto name = text.substr(0, length);
  text.remove_prefix(length);
  return name;
}

Status broken(std::string_view line) {
  return badRequest("no sample: " + std::string(line.substr(0, 100)));
}

/// After the opening quote; through the closing one.
bool takeQuoted(std::string_view& text, std::string_view& value) {
  size_t at = 0;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  if (at >= text.size()) return false;
  value = text.substr(0, at);
  text.remove_prefix(at + 1);
  return true;
}

/// After the opening brace; through the closing one.
bool takeLabels(std::string_view& text, SampleLine& out) {
  while (true) {
    skipBlanks(text);
    if (text.empty()) return false;
    if (text.front() == '}') {
      text.remove_prefix(1);
      return true;
    }
    const auto name = takeName(text);
    skipBlanks(text);
    if (name.empty() || !text.starts_with('=')) return false;
    text.remove_prefix(1);
    skipBlanks(text);
    std::string_view value;
    if (!text.starts_with('"')) return false;
    text.remove_prefix(1);
    if (!takeQuoted(text, value)) return false;
    out.labels.emplace_back(name, value);
    skipBlanks(text);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
}

bool takeValue(std::string_view& text, double& value) {
  skipBlanks(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  return text.empty() || isBlank(text.front());
}

/// Amounts of a metric are none of these: not a number, below zero, beyond what is counted.
uint64_t held(double value) {
  constexpr double kMost = 9e18;
  if (!(value > 0)) return 0;
  return static_cast<uint64_t>(std::min(value, kMost));
}

WallTime timeOf(const SampleLine& line, WallTime now) {
  constexpr int64_t kMost = 9'000'000'000'000;  // the year 2255
  if (line.millis <= 0 || line.millis > kMost) return now;
  return WallTime(std::chrono::milliseconds(line.millis));
}

enum class What : uint8_t { Cpu, Memory, Start };

void take(UsagePoint& point, What what, const SampleLine& line, WallTime now) {
  if (what == What::Cpu) {
    point.cpuNanos = held(line.value * 1e9);
    point.when = timeOf(line, now);
  } else if (what == What::Memory) {
    point.memoryBytes = held(line.value);
    if (point.when == WallTime()) point.when = timeOf(line, now);
  } else {
    point.startedAt = WallTime(std::chrono::nanoseconds(held(line.value * 1e9)));
  }
}

struct Key {
  std::string_view ns;
  std::string_view pod;
  std::string_view container;
  auto operator<=>(const Key&) const = default;
};

struct Family {
  std::string_view name;
  bool node = false;
  What what = What::Cpu;
};
constexpr Family kFamilies[] = {
    {"node_cpu_usage_seconds_total", true, What::Cpu},
    {"node_memory_working_set_bytes", true, What::Memory},
    {"container_cpu_usage_seconds_total", false, What::Cpu},
    {"container_memory_working_set_bytes", false, What::Memory},
    {"container_start_time_seconds", false, What::Start},
};

std::vector<PodPoint> podsOf(const std::map<Key, UsagePoint>& containers) {
  std::vector<PodPoint> out;
  bool complete = true;
  const auto close = [&] {
    if (!out.empty() && (!complete || out.back().containers.empty())) {
      out.pop_back();
    }
    complete = true;
  };
  Key last;
  for (const auto& [key, point] : containers) {
    if (key.ns != last.ns || key.pod != last.pod) {
      close();
      out.push_back({std::string(key.ns), std::string(key.pod), {}});
      last = key;
    }
    if (point.cpuNanos == 0 && point.memoryBytes == 0) continue;
    if (point.cpuNanos == 0 || point.memoryBytes == 0) complete = false;
    out.back().containers.push_back({std::string(key.container), point});
  }
  close();
  return out;
}

}  // namespace

std::string_view SampleLine::label(std::string_view key) const {
  for (const auto& each : labels) {
    if (each.first == key) return each.second;
  }
  return {};
}

Result<std::optional<SampleLine>> parseSampleLine(std::string_view line) {
  auto text = line;
  skipBlanks(text);
  if (text.empty() || text.front() == '#') return std::optional<SampleLine>();
  SampleLine out;
  out.name = takeName(text);
  if (out.name.empty()) return broken(line);
  skipBlanks(text);
  if (text.starts_with('{')) {
    text.remove_prefix(1);
    if (!takeLabels(text, out)) return broken(line);
  }
  if (!takeValue(text, out.value)) return broken(line);
  skipBlanks(text);
  if (!text.empty()) {
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out.millis);
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    skipBlanks(text);
    if (error != std::errc() || !text.empty()) return broken(line);
  }
  return std::optional<SampleLine>(std::move(out));
}

Result<NodePoint> parseResourceMetrics(std::string_view text, WallTime now) {
  NodePoint out;
  UsagePoint node;
  bool nodeCpu = false;
  std::map<Key, UsagePoint> containers;
  while (!text.empty()) {
    const auto end = text.find('\n');
    TRY(const auto line, parseSampleLine(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line) continue;
    const auto* family = std::ranges::find(kFamilies, line->name, &Family::name);
    if (family == std::end(kFamilies)) continue;
    if (family->node) {
      take(node, family->what, *line, now);
      nodeCpu = nodeCpu || family->what == What::Cpu;
      continue;
    }
    const Key key{line->label("namespace"), line->label("pod"), line->label("container")};
    if (key.pod.empty() || key.container.empty()) continue;
    take(containers[key], family->what, *line, now);
  }
  if (nodeCpu && node.memoryBytes > 0) out.node = node;
  out.pods = podsOf(containers);
  return out;
}

}  // namespace coxswain::metrics_api
