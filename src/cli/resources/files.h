#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// An object of a file.
struct Document {
  std::string source;  ///< path, or "STDIN"
  json::value object;
};

/// The documents of files, folders (*.json, *.yaml, *.yml; below them too if `recursive`) and "-"
/// (`input`, read to its end). Lists are taken apart. Faults in kubectl's words; URLs are one.
Result<std::vector<Document>> readDocuments(const std::vector<std::string>& paths, bool recursive,
                                            int input);
/// The documents of one text.
Result<std::vector<Document>> parseDocuments(std::string_view text, const std::string& source);

}  // namespace coxswain::cli
