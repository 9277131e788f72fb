// An AdmissionConfiguration, inline or in a second file with the same text: reads or refuses.
#include <cstdint>
#include <string_view>

#include "apiserver/admission/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  coxswain::apiserver::AdmissionOptions options;
  auto read = [&text](const std::string&) -> coxswain::Result<std::string> { return text; };
  (void)coxswain::apiserver::parseAdmissionConfig(text, read, options);
  return 0;
}
