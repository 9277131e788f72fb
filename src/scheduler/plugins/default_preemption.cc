#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Pods of higher priority may push others off a node: scheduler/preemption does it, as far as this
/// plugin's options say, for profiles that have it.
class DefaultPreemption final : public Plugin, public PostFilterPlugin {
 public:
  explicit DefaultPreemption(const PreemptionOptions& options) : options_(options) {}
  [[nodiscard]] std::string_view name() const override { return "DefaultPreemption"; }
  [[nodiscard]] const PreemptionOptions& preemption() const override { return options_; }

 private:
  PreemptionOptions options_;
};

}  // namespace

std::unique_ptr<Plugin> defaultPreemption(const PreemptionOptions& options) {
  return std::make_unique<DefaultPreemption>(options);
}

}  // namespace coxswain::scheduler::plugins
