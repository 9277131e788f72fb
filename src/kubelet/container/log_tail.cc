#include "kubelet/container/log_tail.h"

#include <string_view>
#include <vector>

#include "runtime/files.h"

namespace coxswain::kubelet {
namespace {

/// "2024-01-31T10:00:00.123456789Z stdout F text" -> "text"; the rest is kept as it is.
std::string_view content(std::string_view line) {
  for (int i = 0; i < 3; ++i) {
    auto space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return line;
}

}  // namespace

std::string logTail(Files& files, const std::string& path, size_t linesMax, size_t bytesMax) {
  auto text = files.read(path, Files::kReadMax);
  if (!text.ok()) return {};
  std::string_view rest = *text;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  std::vector<std::string_view> lines;  // last first
  while (!rest.empty() && lines.size() < linesMax) {
    auto start = rest.rfind('\n');
    lines.push_back(content(start == std::string_view::npos ? rest : rest.substr(start + 1)));
    rest = start == std::string_view::npos ? std::string_view() : rest.substr(0, start);
  }
  std::string out;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    out += *line;
    out += '\n';
  }
  return out.size() > bytesMax ? out.substr(out.size() - bytesMax) : out;
}

}  // namespace coxswain::kubelet
