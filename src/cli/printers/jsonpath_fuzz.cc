#include "api/codec/value.h"
#include "cli/printers/jsonpath.h"

// A template over one object that has a bit of everything.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain;
  static const auto kObject = *api::parseJsonValue(
      R"({"a":{"b":[1,-2,3.5,"x",null,true,{"c":"d","n":5}],"e":""},"items":[{"n":1},{"n":2}]})");
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& form : {std::string(text), cli::relaxedJsonPath(text).valueOr("{}")}) {
    auto path = cli::JsonPath::parse(form);
    if (!path.ok()) continue;
    cli::JsonPath::Options strict;
    strict.allowMissing = false;
    (void)path->print(kObject);
    (void)path->print(kObject, strict);
    (void)path->find(kObject);
  }
  return 0;
}
