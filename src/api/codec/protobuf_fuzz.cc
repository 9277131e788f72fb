// Any bytes: read or refused; what was read is written in a form that reads back the same.
#include <cstdlib>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"

using namespace coxswain::api;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto object = decodeEnvelope(bytes);
  if (!object.ok()) return 0;
  std::string once;
  encodeEnvelope(object->info(), object->data(), once);
  auto again = decodeEnvelope(once);
  if (!again.ok()) std::abort();
  std::string twice;
  encodeEnvelope(again->info(), again->data(), twice);
  if (once != twice) std::abort();
  (void)encodeJson(*object);
  return 0;
}
