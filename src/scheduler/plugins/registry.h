#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/framework/wiring.h"
#include "scheduler/plugins/args.h"

namespace coxswain::client {
class Client;
}  // namespace coxswain::client

namespace coxswain::scheduler {

class OwnerSelectors;
class VolumeState;

/// What plugins are made with; all of it outlives them. Null: decisions only, plugins that need it
/// are left out.
struct PluginContext {
  const PluginArgs& args;
  client::Client* client = nullptr;
  VolumeState* volumes = nullptr;
  const OwnerSelectors* owners = nullptr;
};

/// A plugin that profiles can name.
struct Registration {
  std::string name;
  PointBits points = 0;
  int64_t weight = 0;  ///< of the default profile; zero: it does not score
  /// Null where the context lacks what it needs.
  std::function<std::unique_ptr<Plugin>(const PluginContext& context)> make;
};

namespace plugins {

/// All there are, in the order of the default profile.
const std::vector<Registration>& registry();

/// Each plugin at all of its points, in their order.
Wiring defaultWiring(const std::vector<Registration>& registrations);

/// Those that `wiring` names, numbered by their place in `registrations`: alike in all profiles.
std::vector<std::unique_ptr<Plugin>> makePlugins(const std::vector<Registration>& registrations,
                                                 const Wiring& wiring,
                                                 const PluginContext& context);

}  // namespace plugins

}  // namespace coxswain::scheduler
