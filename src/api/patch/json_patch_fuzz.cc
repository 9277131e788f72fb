#include <boost/json/value.hpp>
#include <string_view>

#include "api/codec/value.h"
#include "api/patch/json_patch.h"

using namespace coxswain::api;

// "document\npatch": both kinds of patch end, with a result or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = text.find('\n');
  if (split == std::string_view::npos) return 0;
  const auto document = parseJsonValue(text.substr(0, split));
  const auto patch = parseJsonValue(text.substr(split + 1));
  if (!document.ok() || !patch.ok()) return 0;
  (void)applyJsonPatch(*document, *patch);
  const auto merged = applyMergePatch(*document, *patch);
  const auto diff = createMergePatch(*document, merged);
  (void)applyMergePatch(*document, diff);
  (void)createThreeWayMergePatch(*document, *patch, merged);
  return 0;
}
