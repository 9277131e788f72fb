#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/framework/flags.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

/// Writes whole objects in one of the formats of -o.
class ObjectPrinter {
 public:
  virtual ~ObjectPrinter() = default;
  /// The next object; several in a row are told apart as the format does (YAML by "---").
  virtual Result<std::string> print(const json::value& object) = 0;
  /// Formats that want several objects one by one, rather than as a List.
  [[nodiscard]] virtual bool eachAlone() const { return false; }
};

/// -o and its companions, as kubectl's print flags.
struct PrintFlags {
  std::string output;
  std::string templateText;
  bool showManagedFields = false;
  bool noHeaders = false;  ///< of custom columns; set by verbs that have --no-headers

  void declare(FlagSet& flags, std::string_view formats = "");
  /// Empty or "wide": a table for people.
  [[nodiscard]] bool human() const { return output.empty() || output == "wide"; }
  /// JSON and YAML leave managed fields out unless asked; what picks fields can pick those too.
  [[nodiscard]] bool dropsManagedFields() const {
    return !showManagedFields && (output == "json" || output == "yaml" || output == "kyaml");
  }
  /// "-o name" or nothing: one line an object.
  [[nodiscard]] bool nameOnly() const { return output == "name"; }
};

/// For a format that is not human. Fault where there is no such format, or its template is broken.
Result<std::unique_ptr<ObjectPrinter>> makeObjectPrinter(const PrintFlags& flags);

/// Removes metadata.managedFields (of the items too, in a list).
void dropManagedFields(json::value& object);

/// "pod/web", "deployment.apps/web", from kind and apiVersion.
std::string typeAndName(const json::value& object);

/// Compact JSON spread over lines with four spaces, as kubectl -o json prints it; with line feed.
std::string prettyJson(const json::value& object);

/// {"apiVersion":"v1","kind":"List","items":[...],"metadata":{"resourceVersion":""}}
json::value listOf(std::vector<json::value> items);

}  // namespace coxswain::cli
