#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace coxswain {

enum class LogLevel { Debug, Info, Warn, Error, Off };

/// One key=value pair of a log line. Values are quoted where they need it.
struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, const Status& s) : key(k), value(s.toString()) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <typename T>
  requires std::is_arithmetic_v<T> LogField(std::string_view k, T v)
      : key(k), value(fmt::to_string(v)) {}
};

/// A named source of structured log lines: constant message plus key=value pairs, on stderr.
/// Thread-safe. Cheap where the level is off only if the caller asks `enabled` first.
///
///     static const Logger log("scheduler");
///     log.info("bound pod", {{"pod", key}, {"node", name}});
class Logger {
 public:
  explicit constexpr Logger(std::string_view name) : name_(name) {}

  [[nodiscard]] bool enabled(LogLevel level) const;
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const;

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;
  std::string_view name_;
};

/// Lines below `level` are dropped. Starts at Info.
void setLogLevel(LogLevel level);

}  // namespace coxswain
