#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scheduler/extenders/messages.h"

/// Any text: an answer or a failure, of every verb.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::scheduler;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool cached : {true, false})
    if (const auto answer = decodeFilterResult(text, cached); !answer.ok()) (void)answer.status();
  (void)decodePriorities(text).ok();
  (void)decodeBindingResult(text).ok();
  (void)decodePreemptionResult(text).ok();
  return 0;
}
