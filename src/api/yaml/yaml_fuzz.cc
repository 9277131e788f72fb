#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "api/yaml/yaml.h"

using namespace coxswain::api;

// What reads as YAML prints as YAML that reads as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& document : splitYamlDocuments(text)) (void)document.line;
  (void)yamlToJson(text, {.strict = true});
  const auto json = yamlToJson(text);
  // Whether somebody wants to know of doubled keys makes no difference.
  std::vector<std::string> doubled;
  const auto told = yamlToJson(text, {}, &doubled);
  if (told.ok() != json.ok() || (json.ok() && *told != *json)) std::abort();
  if (!json.ok()) return 0;
  const auto printed = jsonToYaml(*json);
  if (!printed.ok()) return 0;
  const auto back = yamlToJson(*printed);
  if (!back.ok()) std::abort();
  const auto again = jsonToYaml(*back);
  if (!again.ok() || *again != *printed) std::abort();
  return 0;
}
