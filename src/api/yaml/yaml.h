#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::api {

struct YamlOptions {
  /// Duplicate keys are an error, as with sigs.k8s.io/yaml's UnmarshalStrict; else the last wins.
  bool strict = false;
  size_t bytesMax = 64 << 20;
  int depthMax = 1000;
  /// What aliases and merge keys may add: nodes, and bytes / 16.
  size_t aliasMax = 500'000;
};

/// The first document of `text` as Kubernetes reads YAML: YAML 1.1 booleans ("yes", "on", "n"),
/// octal "0777", "1_000", timestamps stay text, "<<" merges, keys become text ("1", "true"). Text
/// that is a JSON object is read as JSON. No document: null. Numbers are int64 where they fit, else
/// double. BadRequest "yaml: line 3: ..." (1 is the first line) otherwise. `duplicates`, if given
/// and not strict, receives a line for each key that was there before.
Result<boost::json::value> yamlToValue(std::string_view text, const YamlOptions& options = {},
                                       std::vector<std::string>* duplicates = nullptr);

/// The same as JSON text.
Result<std::string> yamlToJson(std::string_view text, const YamlOptions& options = {},
                               std::vector<std::string>* duplicates = nullptr);

struct YamlDocument {
  std::string_view text;  ///< of the input, without the "---" line
  int line = 1;           ///< of the input where it starts
};

/// Splits at lines that begin with "---" and hold nothing else but blanks or a comment, as the
/// readers of kubectl do. Documents of blanks and comments are left out.
std::vector<YamlDocument> splitYamlDocuments(std::string_view text);

/// As `kubectl -o yaml` prints: keys sorted, lists not indented below their key, text that would
/// read as something else in quotes, several lines as a block, long text folded at 80. Ends with a
/// line feed.
std::string valueToYaml(const boost::json::value& value);
void valueToYaml(const boost::json::value& value, std::string& out);
/// BadRequest where `json` is none.
Result<std::string> jsonToYaml(std::string_view json);

/// go-yaml's order of keys: digits by value ("a2" before "a10"), letters after others.
bool yamlKeyLess(std::string_view a, std::string_view b);

}  // namespace coxswain::api
