#include "cli/printers/table_printer.h"

#include <algorithm>

#include "api/codec/value.h"
#include "api/meta/time.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

std::string labelsText(const json::value& object) {
  std::string out;
  for (const auto& [name, value] : stringsAt(object, {"metadata", "labels"})) {
    out += (out.empty() ? "" : ",") + name + "=" + value;
  }
  return out.empty() ? "<none>" : out;
}

}  // namespace

std::string cellText(const json::value& value) {
  if (value.is_null()) return "<nil>";
  std::string text = plainText(value);
  auto end = text.find_first_of("\n\r\f\v");
  if (end != std::string::npos) text = text.substr(0, end) + "...";
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\t') text[i] = ' ';
    if (text[i] == '\x1b') text.replace(i, 1, "^[");
  }
  return text;
}

std::string humanDuration(int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  const auto with = [](int64_t big, const char* unit, int64_t small, const char* smallUnit) {
    auto text = std::to_string(big) + unit;
    return small == 0 ? text : text + std::to_string(small) + smallUnit;
  };
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  const int64_t days = hours / 24;
  if (seconds < 60 * 2) return std::to_string(seconds) + "s";
  if (minutes < 10) return with(minutes, "m", seconds % 60, "s");
  if (minutes < 60 * 3) return std::to_string(minutes) + "m";
  if (hours < 8) return with(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  if (hours < 24 * 8) return with(days, "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return std::to_string(days) + "d";
  if (hours < 24 * 365 * 8) return with(days / 365, "y", days % 365, "d");
  return std::to_string(days / 365) + "y";
}

std::string ageOf(const std::string& timestamp, int64_t now) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (timestamp.empty() || !api::parseRfc3339(timestamp, seconds, nanos)) return "<unknown>";
  return humanDuration(now - seconds);
}

std::string TablePrinter::header() const {
  std::string line;
  const auto add = [&](const std::string& name) { line += (line.empty() ? "" : "\t") + name; };
  if (options_.eventColumn) add("EVENT");
  if (options_.withNamespace) add("NAMESPACE");
  for (const auto& column : columns_) {
    if (column.shown) add(upper(column.name));
  }
  for (const auto& label : options_.labelColumns) {
    auto slash = label.rfind('/');
    add(upper(slash == std::string::npos ? label : label.substr(slash + 1)));
  }
  if (options_.showLabels) add("LABELS");
  return line + "\n";
}

std::string TablePrinter::row(const json::value& row, std::string_view event) const {
  std::string line;
  bool first = true;
  const auto add = [&](std::string_view text) {
    if (!first) line.push_back('\t');
    first = false;
    line += text;
  };
  const auto* object = at(row, {"object"});
  static const json::value kNone;
  if (!object) object = &kNone;
  if (options_.eventColumn) add(event);
  if (options_.withNamespace) add(namespaceOf(*object));
  const auto& cells = arrayAt(row, {"cells"});
  for (size_t i = 0; i < cells.size() && i < columns_.size(); ++i) {
    if (!columns_[i].shown) continue;
    auto text = cellText(cells[i]);
    if (columns_[i].isName && !options_.typePrefix.empty()) text = options_.typePrefix + "/" + text;
    add(text);
  }
  for (const auto& label : options_.labelColumns) {
    const auto* value = at(*object, {"metadata", "labels", label});
    add(value ? plainText(*value) : "<none>");
  }
  if (options_.showLabels) add(labelsText(*object));
  return line + "\n";
}

std::string TablePrinter::print(const json::value& table, std::string_view event) {
  const auto& definitions = arrayAt(table, {"columnDefinitions"});
  if (!definitions.empty()) {
    columns_.clear();
    for (const auto& definition : definitions) {
      Column column;
      column.name = textAt(definition, {"name"});
      column.shown = options_.wide || integerAt(definition, {"priority"}) == 0;
      column.isName = textAt(definition, {"format"}) == "name" ||
                      (column.name == "Name" && textAt(definition, {"type"}) == "string");
      columns_.push_back(std::move(column));
    }
  }
  const auto& rows = arrayAt(table, {"rows"});
  if (!headed_ && options_.headers && !rows.empty()) writer_.write(header());
  if (!rows.empty()) headed_ = true;
  for (const auto& one : rows) writer_.write(row(one, event));
  return writer_.take();
}

json::value tableOfObjects(const std::vector<const json::value*>& objects, int64_t now) {
  json::array rows;
  for (const auto* object : objects) {
    json::array cells{nameOf(*object).c_str(),
                      ageOf(textAt(*object, {"metadata", "creationTimestamp"}), now).c_str()};
    rows.push_back(json::object{{"cells", std::move(cells)}, {"object", *object}});
  }
  return json::object{
      {"columnDefinitions",
       json::array{json::object{{"name", "Name"}, {"type", "string"}, {"format", "name"}},
                   json::object{{"name", "Age"}, {"type", "string"}}}},
      {"rows", std::move(rows)}};
}

}  // namespace coxswain::cli
