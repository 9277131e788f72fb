#include <boost/json/value.hpp>
#include <string_view>

#include "api/codec/value.h"
#include "api/gen/apps_v1.h"
#include "api/patch/strategic.h"

using namespace coxswain::api;

// "document\npatch", against Deployment.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = text.find('\n');
  if (split == std::string_view::npos) return 0;
  const auto document = parseJsonValue(text.substr(0, split));
  const auto patch = parseJsonValue(text.substr(split + 1));
  if (!document.ok() || !patch.ok()) return 0;
  const MessageInfo& info = apps::v1::Deployment::info();
  const auto applied = applyStrategicMergePatch(*document, *patch, info);
  if (applied.ok()) {
    (void)createTwoWayStrategicPatch(*document, *applied, info);
    (void)createThreeWayStrategicPatch(*document, *applied, *patch, info);
  }
  return 0;
}
