#include "cli/cmd/generate.h"

#include <algorithm>
#include <filesystem>

#include "api/names/quote.h"
#include "cli/framework/errors.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

namespace fs = std::filesystem;

void Generator::flags(FlagSet& flags) {
  action_.declare(flags, "kubectl-create");
  action_.declareValidate(flags);
  flags.boolean(&saveConfig_, "save-config", 0, "Write the annotation that apply needs later.");
  ownFlags(flags);
}

Task<Status> Generator::run(Session& session, std::vector<std::string> words,
                            const FlagSet& given) {
  path_ = session.commandPath();
  CO_TRY_STATUS(action_.complete());
  if (words.empty()) {
    co_return session.usageError("exactly one NAME is required, got 0");
  }
  auto object = generate(words, given);
  if (!object.ok()) co_return object.status();
  co_return co_await createAndReport(session, action_, std::move(*object), saveConfig_);
}

Result<std::string> Generator::onlyName(const std::vector<std::string>& words) const {
  if (words.size() != 1) {
    return fault("exactly one NAME is required, got " + std::to_string(words.size()) + "\nSee '" +
                 path_ + " -h' for help and examples");
  }
  if (words[0].empty()) return fault("name must be specified");
  return words[0];
}

Result<std::pair<std::string, std::string>> parseLiteral(const std::string& text) {
  auto equal = text.find('=');
  if (equal == std::string::npos || equal == 0) {
    return fault("invalid literal source " + text + ", expected key=value");
  }
  auto value = text.substr(equal + 1);
  const bool quoted =
      value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
  if (quoted) value = value.substr(1, value.size() - 2);
  return std::pair(text.substr(0, equal), std::move(value));
}

void DataSources::declare(FlagSet& flags) {
  flags.list(&files, "from-file", 0,
             "File (path or key=path), or folder whose files become keys; may be repeated.");
  flags.list(&literals, "from-literal", 0, "key=value; may be repeated.");
  flags.commaList(&envFiles, "from-env-file", 0, "File with lines of key=value.");
}

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

bool validKey(std::string_view text) {
  if (text.empty() || text.size() > 253 || text == "." || text == "..") return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Status add(Pairs& out, std::string name, std::string value) {
  if (!validKey(name)) {
    return fault(api::goQuote(name) +
                 " is not valid key name: a valid config key must consist of alphanumeric "
                 "characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
                 "regex used for validation is '[-._a-zA-Z0-9]+')");
  }
  for (const auto& [known, ignored] : out) {
    if (known == name) {
      return fault("cannot add key " + api::goQuote(name) +
                   ", another key by that name already exists in Data");
    }
  }
  out.emplace_back(std::move(name), std::move(value));
  return {};
}

Status addFile(Pairs& out, const std::string& source) {
  auto equal = source.find('=');
  auto path = equal == std::string::npos ? source : source.substr(equal + 1);
  auto name =
      equal == std::string::npos ? fs::path(source).filename().string() : source.substr(0, equal);
  if (equal != std::string::npos && (name.empty() || path.empty())) {
    return fault("key name or file path for file path " + source + " missing");
  }
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (equal != std::string::npos) {
      return fault("cannot give a key name for a directory path");
    }
    std::vector<fs::path> entries;
    for (auto at = fs::directory_iterator(path, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
      if (at->is_regular_file(error)) entries.push_back(at->path());
    }
    std::ranges::sort(entries);
    for (const auto& entry : entries) {
      if (!validKey(entry.filename().string())) continue;
      auto text = client::readWholeFile(entry.string());
      if (!text.ok()) return asFault(text.status());
      TRY_STATUS(add(out, entry.filename().string(), std::move(*text)));
    }
    return {};
  }
  auto text = client::readWholeFile(path);
  if (!text.ok()) return fault("error reading " + path + ": no such file or directory");
  return add(out, std::move(name), std::move(*text));
}

Status addEnvFile(Pairs& out, const std::string& path) {
  auto text = client::readWholeFile(path);
  if (!text.ok()) return asFault(text.status());
  for (auto& line : splitAt(*text, '\n')) {
    auto from = line.find_first_not_of(" \t\r");
    if (from == std::string::npos || line[from] == '#') continue;
    while (line.ends_with('\r')) line.pop_back();
    line = line.substr(from);
    auto equal = line.find('=');
    if (equal == std::string::npos) {
      const char* value = std::getenv(line.c_str());
      TRY_STATUS(add(out, line, value ? value : ""));
    } else {
      TRY_STATUS(add(out, line.substr(0, equal), line.substr(equal + 1)));
    }
  }
  return {};
}

}  // namespace

Result<Pairs> DataSources::read() const {
  if (!envFiles.empty() && (!files.empty() || !literals.empty())) {
    return fault("from-env-file cannot be combined with from-file or from-literal");
  }
  Pairs out;
  for (const auto& file : files) TRY_STATUS(addFile(out, file));
  for (const auto& literal : literals) {
    TRY(auto pair, parseLiteral(literal));
    TRY_STATUS(add(out, std::move(pair.first), std::move(pair.second)));
  }
  for (const auto& file : envFiles) TRY_STATUS(addEnvFile(out, file));
  return out;
}

}  // namespace coxswain::cli
