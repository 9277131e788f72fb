#include "scheduler/config/plugin_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace coxswain::scheduler::config {

namespace {

/// The order in which upstream looks at points, for the first thing that is wrong.
constexpr std::array<Point, kPointCount> kOrder = {
    Point::PreFilter, Point::Filter, Point::PostFilter, Point::Reserve,
    Point::PreScore,  Point::Score,  Point::PreBind,    Point::Bind,
    Point::PostBind,  Point::Permit, Point::PreEnqueue, Point::QueueSort};

const v1::PluginSet& setAt(const v1::Plugins& plugins, Point point) {
  switch (point) {
    case Point::PreEnqueue:
      return plugins.preEnqueue;
    case Point::QueueSort:
      return plugins.queueSort;
    case Point::PreFilter:
      return plugins.preFilter;
    case Point::Filter:
      return plugins.filter;
    case Point::PostFilter:
      return plugins.postFilter;
    case Point::PreScore:
      return plugins.preScore;
    case Point::Score:
      return plugins.score;
    case Point::Reserve:
      return plugins.reserve;
    case Point::Permit:
      return plugins.permit;
    case Point::PreBind:
      return plugins.preBind;
    case Point::Bind:
      return plugins.bind;
    case Point::PostBind:
      break;
  }
  return plugins.postBind;
}

bool names(const std::vector<v1::Plugin>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const v1::Plugin& plugin) { return plugin.name == name; });
}

bool has(const std::vector<Enabled>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Enabled& enabled) { return enabled.name == name; });
}

Enabled enabledBy(const v1::Plugin& plugin) {
  const int32_t weight = plugin.weight.value_or(0);
  return {plugin.name, weight == 0 ? 1 : weight};
}

/// The default plugins of all points with those of `custom` over them.
std::vector<Enabled> mergeMultiPoint(const std::vector<Registration>& registrations,
                                     const v1::PluginSet& custom) {
  std::vector<Enabled> merged;
  std::vector<bool> placed(custom.enabled.size());
  const bool none = names(custom.disabled, "*");
  for (const auto& registration : registrations) {
    if (none || names(custom.disabled, registration.name)) continue;
    Enabled enabled{registration.name, registration.weight};
    // Named twice: the later one counts, and the earlier stays to be found as a double.
    for (size_t i = custom.enabled.size(); i-- > 0;) {
      if (custom.enabled[i].name != registration.name) continue;
      enabled = enabledBy(custom.enabled[i]);
      placed[i] = true;
      break;
    }
    merged.push_back(std::move(enabled));
  }
  for (size_t i = 0; i < custom.enabled.size(); ++i)
    if (!placed[i]) merged.push_back(enabledBy(custom.enabled[i]));
  return merged;
}

class Wirer {
 public:
  explicit Wirer(const std::vector<Registration>& registrations) : registrations_(registrations) {}

  Result<std::vector<Enabled>> at(Point point, const std::vector<Enabled>& multiPoint,
                                  const v1::PluginSet& own) const {
    std::vector<Enabled> explicitly;
    for (const auto& plugin : own.enabled) {
      TRY(const Registration* found, find(point, plugin.name));
      if (!(found->points & bitOf(point)))
        return badRequest(fmt::format("plugin \"{}\" does not extend {}Plugin plugin", plugin.name,
                                      pointTitle(point)));
      TRY_STATUS(add(point, explicitly, enabledBy(plugin)));
    }
    std::vector<Enabled> overriding;
    std::vector<Enabled> spread;
    if (!names(own.disabled, "*")) {
      for (const auto& enabled : multiPoint) {
        TRY(const Registration* found, find(point, enabled.name));
        if (!(found->points & bitOf(point)) || names(own.disabled, enabled.name)) continue;
        if (!has(explicitly, enabled.name)) TRY_STATUS(add(point, spread, enabled));
      }
    }
    for (const auto& enabled : explicitly)
      if (has(multiPoint, enabled.name)) overriding.push_back(enabled);
    std::vector<Enabled> all = overriding;
    all.insert(all.end(), spread.begin(), spread.end());
    for (auto& enabled : explicitly)
      if (!has(overriding, enabled.name)) all.push_back(std::move(enabled));
    return all;
  }

 private:
  Result<const Registration*> find(Point point, const std::string& name) const {
    for (const auto& registration : registrations_)
      if (registration.name == name) return &registration;
    return badRequest(fmt::format("{}Plugin \"{}\" does not exist", pointTitle(point), name));
  }
  static Status add(Point point, std::vector<Enabled>& list, Enabled enabled) {
    if (has(list, enabled.name))
      return badRequest(fmt::format("plugin \"{}\" already registered as \"{}Plugin\"",
                                    enabled.name, pointTitle(point)));
    list.push_back(std::move(enabled));
    return {};
  }

  const std::vector<Registration>& registrations_;
};

/// What a plugin works out at `first` it needs at `then`.
Status checkPair(const Wiring& wiring, Point first, Point then,
                 const std::vector<Registration>& registrations) {
  for (const auto& registration : registrations) {
    if (!(registration.points & bitOf(first)) || !has(wiring.at(then), registration.name)) continue;
    if (has(wiring.at(first), registration.name)) continue;
    return badRequest(fmt::format("plugin \"{}\" is enabled at {} but not at {}, which it needs",
                                  registration.name, pointName(then), pointName(first)));
  }
  return {};
}

}  // namespace

Result<Wiring> wiringOf(const v1::Plugins* custom, const std::string& schedulerName,
                        const std::vector<Registration>& registrations) {
  static const v1::Plugins kNone;
  const v1::Plugins& plugins = custom ? *custom : kNone;
  const auto multiPoint = mergeMultiPoint(registrations, plugins.multiPoint);
  const Wirer wirer(registrations);
  Wiring wiring;
  for (const Point point : kOrder) {
    TRY(wiring.at(point), wirer.at(point, multiPoint, setAt(plugins, point)));
  }
  TRY_STATUS(checkPair(wiring, Point::PreFilter, Point::Filter, registrations));
  TRY_STATUS(checkPair(wiring, Point::PreScore, Point::Score, registrations));
  const size_t sorters = wiring.at(Point::QueueSort).size();
  if (sorters == 0)
    return badRequest(fmt::format(
        "at least one queue sort plugin is needed for profile with scheduler name \"{}\"",
        schedulerName));
  if (sorters > 1)
    return badRequest(fmt::format(
        "only one queue sort plugin required for profile with scheduler name \"{}\", but got {}",
        schedulerName, sorters));
  if (wiring.at(Point::Bind).empty())
    return badRequest(
        fmt::format("at least one bind plugin is needed for profile with scheduler name \"{}\"",
                    schedulerName));
  return wiring;
}

}  // namespace coxswain::scheduler::config
