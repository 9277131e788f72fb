#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace coxswain {
namespace {

std::atomic<LogLevel> currentLevel{LogLevel::Info};

spdlog::logger& standardError() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("coxswain",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
  }
  return true;
}

void appendValue(std::string& line, std::string_view value) {
  if (plain(value)) {
    line += value;
    return;
  }
  line += '"';
  for (char c : value) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      if (c == '"' || c == '\\') line += '\\';
      line += c;
    }
  }
  line += '"';
}

spdlog::level::level_enum toSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

}  // namespace

bool Logger::enabled(LogLevel level) const {
  return level >= currentLevel.load();
}

void Logger::debug(std::string_view m, std::initializer_list<LogField> f) const {
  write(LogLevel::Debug, m, f);
}
void Logger::info(std::string_view m, std::initializer_list<LogField> f) const {
  write(LogLevel::Info, m, f);
}
void Logger::warn(std::string_view m, std::initializer_list<LogField> f) const {
  write(LogLevel::Warn, m, f);
}
void Logger::error(std::string_view m, std::initializer_list<LogField> f) const {
  write(LogLevel::Error, m, f);
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const {
  if (!enabled(level)) return;
  std::string line = fmt::format("{}: {}", name_, message);
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    appendValue(line, field.value);
  }
  standardError().log(toSpdlog(level), line);
}

void setLogLevel(LogLevel level) {
  currentLevel = level;
}

}  // namespace coxswain
