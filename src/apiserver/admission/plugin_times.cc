#include "apiserver/admission/plugin_times.h"

#include "apiserver/admission/chain.h"

namespace coxswain::apiserver {

void collect(const AdmissionChain& chain, MetricSink& sink) {
  for (const auto& plugin : chain.plugins()) {
    const auto& times = plugin->times();
    for (size_t phase = 0; phase < PluginTimes::kPhases.size(); ++phase) {
      for (size_t kind = 0; kind < PluginTimes::kKinds.size(); ++kind) {
        for (bool rejected : {false, true}) {
          const auto& seconds = times.at(phase, kind, rejected);
          if (seconds.count() == 0) continue;
          sink.histogram("apiserver_admission_controller_admission_duration_seconds",
                         "How long admission plugins took",
                         {{"name", std::string(plugin->name())},
                          {"operation", std::string(PluginTimes::kKinds[kind])},
                          {"rejected", rejected ? "true" : "false"},
                          {"type", std::string(PluginTimes::kPhases[phase])}},
                         seconds);
        }
      }
    }
  }
}

}  // namespace coxswain::apiserver
