#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/config/configuration.h"
#include "scheduler/framework/framework.h"

// Any text: read or refused; what was read makes a framework.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::scheduler;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = readConfiguration(text);
  if (!read.ok()) {
    if (read.status().message().empty()) std::abort();
    return 0;
  }
  for (const auto& profile : read->options.profiles) {
    if (!profile.wiring) std::abort();
    const PluginContext context{profile.args};
    const Framework framework(
        plugins::makePlugins(read->options.registrations, *profile.wiring, context),
        *profile.wiring);
    if (framework.names(~0U).empty()) std::abort();
  }
  return 0;
}
