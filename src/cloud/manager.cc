#include "cloud/manager.h"

#include <fmt/format.h>

#include "base/log.h"
#include "cloud/node/lifecycle_controller.h"
#include "cloud/service/service_controller.h"
#include "controllers/framework/selection.h"
#include "runtime/spawn.h"

namespace coxswain::cloud {

namespace {

const Logger kLog("cloud");

using Made = std::unique_ptr<controllers::Controller>;

struct ProviderEntry {
  std::string_view name;
  std::unique_ptr<Provider> (*make)(const LocalOptions& local);
};
// A new cloud is its folder and one line here.
constexpr ProviderEntry kProviders[] = {
    {"local", [](const LocalOptions& local) -> std::unique_ptr<Provider> {
       return std::make_unique<LocalProvider>(local);
     }}};

/// Null: the provider has nothing for it, or the options leave it out.
struct Entry {
  controllers::ControllerName listed;
  Made (*make)(const controllers::Context&, Provider&, const ManagerOptions&);
};
constexpr Entry kEntries[] = {
    {{"cloud-node-controller", "cloud-node"},
     [](const controllers::Context& c, Provider& p, const ManagerOptions& o) -> Made {
       if (!p.instances()) return nullptr;
       return std::make_unique<NodeController>(c, *p.instances(), o.node);
     }},
    {{"cloud-node-lifecycle-controller", "cloud-node-lifecycle"},
     [](const controllers::Context& c, Provider& p, const ManagerOptions& o) -> Made {
       if (!p.instances()) return nullptr;
       return std::make_unique<LifecycleController>(c, *p.instances(), o.monitorPeriod);
     }},
    {{"service-lb-controller", "service"},
     [](const controllers::Context& c, Provider& p, const ManagerOptions& o) -> Made {
       if (!p.loadBalancers()) return nullptr;
       return std::make_unique<ServiceController>(c, *p.loadBalancers(), o.serviceWorkers);
     }},
    {{"node-route-controller", "route"},
     [](const controllers::Context& c, Provider& p, const ManagerOptions& o) -> Made {
       if (!p.routes() || !o.allocateNodeCidrs || !o.configureRoutes) return nullptr;
       return std::make_unique<RouteController>(c, *p.routes(), o.route);
     }},
};

}  // namespace

Result<std::unique_ptr<Provider>> makeProvider(std::string_view name, const LocalOptions& local) {
  for (const auto& entry : kProviders) {
    if (entry.name == name) return entry.make(local);
  }
  return badRequest(fmt::format("unknown cloud provider \"{}\"", name));
}

std::vector<std::string_view> knownProviders() {
  std::vector<std::string_view> all;
  for (const auto& entry : kProviders) all.push_back(entry.name);
  return all;
}

std::vector<std::string_view> CloudControllerManager::knownNames() {
  std::vector<std::string_view> all;
  for (const auto& entry : kEntries) all.push_back(entry.listed.name);
  return all;
}

Status CloudControllerManager::check(const ManagerOptions& options) {
  std::vector<controllers::ControllerName> known;
  for (const auto& entry : kEntries) known.push_back(entry.listed);
  return controllers::checkSelection(known, options.controllers);
}

Result<std::unique_ptr<CloudControllerManager>> CloudControllerManager::create(
    const controllers::Context& context, Provider& provider, const ManagerOptions& options) {
  TRY_STATUS(check(options));
  auto manager = std::unique_ptr<CloudControllerManager>(new CloudControllerManager(context));
  for (const auto& entry : kEntries) {
    if (!controllers::isSelected(entry.listed, options.controllers)) continue;
    auto controller = entry.make(context, provider, options);
    if (!controller) {
      kLog.info("nothing for it to do", {{"controller", entry.listed.name}});
      continue;
    }
    manager->controllers_.push_back(std::move(controller));
    manager->names_.push_back(entry.listed.name);
  }
  return manager;
}

void CloudControllerManager::start() {
  context_.informers.start();
  for (auto& controller : controllers_) controller->start();
}

Task<void> CloudControllerManager::stop() {
  std::vector<Task<void>> stops;
  for (auto& controller : controllers_) stops.push_back(controller->stop());
  co_await whenAll(std::move(stops));
}

}  // namespace coxswain::cloud
