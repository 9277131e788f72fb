#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/printers/tab_writer.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// Prints meta.k8s.io Tables as `kubectl get` does. Remembers columns and widths, so that pages and
/// watch events line up.
class TablePrinter {
 public:
  struct Options {
    bool wide = false;
    bool headers = true;
    bool withNamespace = false;
    bool showLabels = false;
    std::vector<std::string> labelColumns;  ///< keys
    std::string typePrefix;                 ///< "pod": names become "pod/NAME"
    bool eventColumn = false;               ///< --output-watch-events
  };

  explicit TablePrinter(Options options) : options_(std::move(options)) {}

  /// `event` is the watch event's type, for the event column.
  std::string print(const json::value& table, std::string_view event = "");

 private:
  std::string header() const;
  std::string row(const json::value& row, std::string_view event) const;

  Options options_;
  bool headed_ = false;
  struct Column {
    std::string name;
    bool shown = true;
    bool isName = false;
  };
  std::vector<Column> columns_;
  TabWriter writer_{{6, 3, true}};
};

/// A table's value of any kind as a cell: line feeds cut it.
std::string cellText(const json::value& value);

/// Columns NAME and AGE for objects of servers that make no tables. `now` is in Unix seconds.
json::value tableOfObjects(const std::vector<const json::value*>& objects, int64_t now);

/// "5m32s", "3h", "2d4h": how long ago, as kubectl says it. Negative: "<invalid>".
std::string humanDuration(int64_t seconds);
/// Since an RFC 3339 time; "<unknown>" where it is none.
std::string ageOf(const std::string& timestamp, int64_t now);

}  // namespace coxswain::cli
