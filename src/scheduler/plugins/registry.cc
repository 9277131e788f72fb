#include "scheduler/plugins/registry.h"

#include <algorithm>

#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

constexpr PointBits points() {
  return 0;
}
template <typename... More>
constexpr PointBits points(Point first, More... more) {
  return static_cast<PointBits>(bitOf(first) | points(more...));
}

constexpr PointBits kFilters = points(Point::PreFilter, Point::Filter);
constexpr PointBits kScores = points(Point::PreScore, Point::Score);

std::vector<Registration> make() {
  using Context = const PluginContext&;
  return {
      {"SchedulingGates", points(Point::PreEnqueue), 0, [](Context) { return schedulingGates(); }},
      {"PrioritySort", points(Point::QueueSort), 0, [](Context) { return prioritySort(); }},
      {"NodeUnschedulable", points(Point::Filter), 0, [](Context) { return nodeUnschedulable(); }},
      {"NodeName", points(Point::Filter), 0, [](Context) { return nodeName(); }},
      {"TaintToleration", static_cast<PointBits>(points(Point::Filter) | kScores), 3,
       [](Context) { return taintToleration(); }},
      {"NodeAffinity", static_cast<PointBits>(kFilters | kScores), 2,
       [](Context c) { return nodeAffinity(c.args.nodeAffinity); }},
      {"NodePorts", kFilters, 0, [](Context) { return nodePorts(); }},
      {"NodeResourcesFit", static_cast<PointBits>(kFilters | points(Point::Score)), 1,
       [](Context c) { return nodeResourcesFit(c.args.nodeResourcesFit); }},
      {"VolumeRestrictions", kFilters, 0,
       [](Context c) { return c.volumes ? volumeRestrictions(*c.volumes) : nullptr; }},
      {"NodeVolumeLimits", kFilters, 0,
       [](Context c) { return c.volumes ? nodeVolumeLimits(*c.volumes) : nullptr; }},
      {"VolumeBinding", static_cast<PointBits>(kFilters | points(Point::Reserve, Point::PreBind)),
       0,
       [](Context c) {
         return c.volumes ? volumeBinding(c.args.volumeBinding, *c.volumes, c.client) : nullptr;
       }},
      {"VolumeZone", kFilters, 0,
       [](Context c) { return c.volumes ? volumeZone(*c.volumes) : nullptr; }},
      {"PodTopologySpread", static_cast<PointBits>(kFilters | kScores), 2,
       [](Context c) { return podTopologySpread(c.args.podTopologySpread, c.owners); }},
      {"InterPodAffinity", static_cast<PointBits>(kFilters | kScores), 2,
       [](Context c) { return interPodAffinity(c.args.interPodAffinity); }},
      {"DefaultPreemption", points(Point::PostFilter), 0,
       [](Context c) { return defaultPreemption(c.args.defaultPreemption); }},
      {"NodeResourcesBalancedAllocation", kScores, 1,
       [](Context c) { return nodeResourcesBalancedAllocation(c.args.balancedAllocation); }},
      {"ImageLocality", points(Point::Score), 1, [](Context) { return imageLocality(); }},
      {"DefaultBinder", points(Point::Bind), 0,
       [](Context c) { return c.client ? defaultBinder(*c.client) : nullptr; }},
  };
}

}  // namespace

const std::vector<Registration>& registry() {
  static const std::vector<Registration> all = make();
  return all;
}

Wiring defaultWiring(const std::vector<Registration>& registrations) {
  Wiring wiring;
  for (const auto& registration : registrations)
    for (size_t i = 0; i < kPointCount; ++i)
      if (registration.points & (1U << i))
        wiring.points[i].push_back({registration.name, registration.weight});
  return wiring;
}

std::vector<std::unique_ptr<Plugin>> makePlugins(const std::vector<Registration>& registrations,
                                                 const Wiring& wiring,
                                                 const PluginContext& context) {
  std::vector<std::unique_ptr<Plugin>> out;
  for (size_t i = 0; i < registrations.size(); ++i) {
    const auto& registration = registrations[i];
    const bool used =
        std::any_of(wiring.points.begin(), wiring.points.end(), [&](const auto& enabled) {
          return std::any_of(enabled.begin(), enabled.end(),
                             [&](const Enabled& one) { return one.name == registration.name; });
        });
    if (!used) continue;
    auto plugin = registration.make(context);
    if (!plugin) continue;
    plugin->index = i;
    out.push_back(std::move(plugin));
  }
  return out;
}

std::vector<std::unique_ptr<Plugin>> defaultPlugins(client::Client* client, VolumeState* volumes,
                                                    const OwnerSelectors* owners) {
  const PluginArgs args;
  const PluginContext context{args, client, volumes, owners};
  std::vector<std::unique_ptr<Plugin>> out;
  for (const auto& registration : registry())
    if (auto plugin = registration.make(context)) out.push_back(std::move(plugin));
  return out;
}

}  // namespace coxswain::scheduler::plugins
