// Any text: read or refused; what was read is written in a form that reads back the same.
#include <boost/json.hpp>
#include <cstdlib>

#include "api/codec/json.h"
#include "api/codec/json_text.h"
#include "api/codec/value.h"

using namespace coxswain::api;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  bool valid = validateJson(text).ok();
  JsonReport report;
  auto object = decodeJsonObject(text, &report);
  if (object.ok()) {
    if (!valid) std::abort();
    std::string once = encodeJson(*object);
    Object again(object->info());
    if (!decodeJson(object->info(), once, again.data()).ok()) std::abort();
    if (encodeJson(again) != once) std::abort();
  }
  auto value = parseJsonValue(text, &report);
  if (value.ok()) {
    if (!valid) std::abort();
    // Twice: a real -0 is written as -0, which is read as the whole number 0.
    auto first = parseJsonValue(writeJsonValue(*value));
    if (!first.ok()) std::abort();
    std::string once = writeJsonValue(*first);
    auto again = parseJsonValue(once);
    if (!again.ok() || writeJsonValue(*again) != once) std::abort();
  }
  return 0;
}
