#include "cli/resources/files.h"

#include <algorithm>
#include <filesystem>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/yaml/yaml.h"
#include "cli/framework/errors.h"
#include "cli/framework/output.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

namespace fs = std::filesystem;

namespace {

bool isManifest(const fs::path& path) {
  auto extension = path.extension();
  return extension == ".json" || extension == ".yaml" || extension == ".yml";
}

Status listFolder(const fs::path& folder, bool recursive, std::vector<std::string>& out) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (auto at = fs::directory_iterator(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    entries.push_back(at->path());
  }
  if (error) return fault("open " + folder.string() + ": " + error.message());
  std::ranges::sort(entries);
  for (const auto& entry : entries) {
    if (fs::is_directory(entry, error)) {
      if (recursive) TRY_STATUS(listFolder(entry, recursive, out));
    } else if (isManifest(entry)) {
      out.push_back(entry.string());
    }
  }
  return {};
}

Status addObject(json::value object, const std::string& source, int depth,
                 std::vector<Document>& out) {
  if (!object.is_object()) {
    return fault("error validating " + api::goQuote(source) +
                 ": error validating data: invalid object to validate; if you choose to ignore "
                 "these errors, turn validation off with --validate=false");
  }
  const bool noVersion = apiVersionOf(object).empty();
  const bool noKind = kindOf(object).empty();
  if (noVersion || noKind) {
    const std::string what = noVersion && noKind ? "[apiVersion not set, kind not set]"
                             : noKind            ? "kind not set"
                                                 : "apiVersion not set";
    return fault("error validating " + api::goQuote(source) + ": error validating data: " + what +
                 "; if you choose to ignore these errors, turn validation off with "
                 "--validate=false");
  }
  if (!isList(object) || depth > 8) {
    out.push_back({source, std::move(object)});
    return {};
  }
  const auto itemVersion = apiVersionOf(object);
  auto itemKind = kindOf(object);
  itemKind.resize(itemKind.size() - 4);
  for (const auto& item : arrayAt(object, {"items"})) {
    json::value copy = item;
    // Items of typed lists need not say what they are.
    if (auto* map = copy.if_object(); map && !itemKind.empty()) {
      if (kindOf(copy).empty()) (*map)["kind"] = itemKind;
      if (apiVersionOf(copy).empty()) (*map)["apiVersion"] = itemVersion;
    }
    TRY_STATUS(addObject(std::move(copy), source, depth + 1, out));
  }
  return {};
}

bool looksLikeJson(std::string_view text) {
  auto at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && text[at] == '{';
}

}  // namespace

Result<std::vector<Document>> parseDocuments(std::string_view text, const std::string& source) {
  std::vector<Document> out;
  for (const auto& document : api::splitYamlDocuments(text)) {
    if (looksLikeJson(document.text)) {
      auto parsed = api::parseJsonValue(document.text);
      if (parsed.ok()) {
        TRY_STATUS(addObject(std::move(*parsed), source, 0, out));
        continue;
      }
    }
    auto parsed = api::yamlToValue(document.text);
    if (!parsed.ok()) {
      return fault("error parsing " + source +
                   ": error converting YAML to JSON: " + parsed.status().message());
    }
    if (parsed->is_null()) continue;
    TRY_STATUS(addObject(std::move(*parsed), source, 0, out));
  }
  return out;
}

Result<std::vector<Document>> readDocuments(const std::vector<std::string>& paths, bool recursive,
                                            int input) {
  std::vector<Document> out;
  for (const auto& path : paths) {
    std::vector<std::string> files;
    std::error_code error;
    if (path == "-") {
      TRY(auto text, readAllOf(input));
      TRY(auto documents, parseDocuments(text, "STDIN"));
      for (auto& document : documents) out.push_back(std::move(document));
      continue;
    }
    if (path.starts_with("http://") || path.starts_with("https://")) {
      return fault("cannot read " + path +
                   ": manifests from URLs are not supported; download it and pass the file");
    }
    if (path.empty() || !fs::exists(path, error)) {
      return fault("the path " + api::goQuote(path) + " does not exist");
    }
    if (fs::is_directory(path, error)) {
      TRY_STATUS(listFolder(path, recursive, files));
      if (files.empty()) {
        return fault("error reading [" + path +
                     "]: recognized file extensions are [.json .yaml .yml]");
      }
    } else {
      files.push_back(path);
    }
    for (const auto& file : files) {
      auto text = client::readWholeFile(file);
      if (!text.ok()) return asFault(text.status());
      TRY(auto documents, parseDocuments(*text, file));
      for (auto& document : documents) out.push_back(std::move(document));
    }
  }
  return out;
}

}  // namespace coxswain::cli
