#include "cli/printers/custom_columns.h"

#include "api/names/quote.h"
#include "api/patch/go_format.h"
#include "cli/framework/errors.h"
#include "cli/printers/jsonpath.h"
#include "cli/printers/tab_writer.h"

namespace coxswain::cli {

namespace {

struct Column {
  std::string header;
  JsonPath path;
};

class CustomColumns final : public ObjectPrinter {
 public:
  CustomColumns(std::vector<Column> columns, bool headers)
      : columns_(std::move(columns)), headers_(headers) {}

  Result<std::string> print(const json::value& object) override {
    if (headers_) {
      std::string line;
      for (const auto& column : columns_) line += (line.empty() ? "" : "\t") + column.header;
      writer_.write(line + "\n");
      headers_ = false;
    }
    if (isList(object)) {
      for (const auto& item : arrayAt(object, {"items"})) {
        TRY_STATUS(row(item));
      }
    } else {
      TRY_STATUS(row(object));
    }
    return writer_.take();
  }

 private:
  Status row(const json::value& object) {
    std::string line;
    for (const auto& column : columns_) {
      TRY(auto found, column.path.find(object));
      std::string cell;
      for (const auto& action : found.actions) {
        for (const auto* value : action) {
          if (!cell.empty()) cell += ",";
          cell +=
              value->is_string() ? std::string(view(value->get_string())) : api::goFormat(*value);
        }
      }
      if (cell.empty()) cell = found.actions.empty() || found.actions[0].empty() ? "<none>" : "";
      if (&column != &columns_.front()) line += "\t";
      line += cell;
    }
    writer_.write(line + "\n");
    return {};
  }

  std::vector<Column> columns_;
  bool headers_;
  TabWriter writer_{{6, 3, true}};
};

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out;
  for (auto& part : splitAt(line, ' ')) {
    for (auto& word : splitAt(part, '\t')) {
      if (!word.empty()) out.push_back(std::move(word));
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<ObjectPrinter>> makeCustomColumnsPrinter(const std::string& spec,
                                                                bool fromFile, bool headers) {
  std::vector<std::pair<std::string, std::string>> parts;
  if (fromFile) {
    auto lines = splitAt(spec, '\n');
    for (const char* which : {"header", "spec"}) {
      const size_t at = which[0] == 'h' ? 0 : 1;
      if (lines.size() > at && !words(lines[at]).empty()) continue;
      return fault("invalid template, missing " + std::string(which) +
                   " line. Expected format is one line of space separated headers, one line of "
                   "space separated column specs.");
    }
    auto names = words(lines[0]);
    auto paths = lines.size() > 1 ? words(lines[1]) : std::vector<std::string>();
    if (names.size() != paths.size() || names.empty()) {
      return fault("number of headers (" + std::to_string(names.size()) +
                   ") and field specifications (" + std::to_string(paths.size()) + ") don't match");
    }
    for (size_t i = 0; i < names.size(); ++i) parts.emplace_back(names[i], paths[i]);
  } else {
    for (const auto& part : splitAt(spec, ',')) {
      auto colon = part.find(':');
      if (colon == std::string::npos) {
        return fault("unexpected custom-columns spec: " + part +
                     ", expected <header>:<json-path-expr>");
      }
      parts.emplace_back(part.substr(0, colon), part.substr(colon + 1));
    }
  }
  std::vector<Column> columns;
  for (auto& [header, text] : parts) {
    TRY(auto full, relaxedJsonPath(text));
    TRY(auto path, JsonPath::parse(full));
    columns.push_back({std::move(header), std::move(path)});
  }
  return std::unique_ptr<ObjectPrinter>(
      std::make_unique<CustomColumns>(std::move(columns), headers));
}

}  // namespace coxswain::cli
