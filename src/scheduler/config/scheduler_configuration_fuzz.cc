#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/config/configuration.h"
#include "scheduler/framework/picker.h"
#include "scheduler/testing/builders.h"

// Any text: read or refused; what was read decides.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::scheduler;
  static Cache* const cache = [] {
    auto* made = new Cache;
    for (const char* name : {"a", "b", "c"})
      made->setNode(testing::NodeBuilder(name).zone(name).taint("t", "PreferNoSchedule").toPtr());
    made->setPod(testing::PodBuilder("r").cpu("1").hostPort(80).on("a").info(), "a");
    return made;
  }();
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
    coxswain::SeededRandom random(1);
    Picker picker(framework, random);
    const auto pod = testing::PodBuilder("p").cpu("1").hostPort(80).info();
    const auto decision = picker.pick(pod, cache->snapshot());
    if (decision.node.empty() && decision.error.ok() && decision.diagnosis.message().empty())
      std::abort();
  }
  return 0;
}
