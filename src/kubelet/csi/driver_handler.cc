#include "kubelet/csi/driver_handler.h"

#include <fmt/format.h>

#include "api/names/quote.h"
#include "base/log.h"
#include "net/grpc/grpc.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::csi {
namespace {

const Logger kLog("csi");

constexpr Duration kUpdateMin = 10s;
constexpr Duration kLookAgain = 10min;

std::string listed(const std::vector<std::string>& versions) {
  std::string out = "[";
  for (const auto& version : versions) {
    if (out.size() > 1) out += ' ';
    out += api::goQuote(version);
  }
  return out + "]";
}

std::string text(Version version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

}  // namespace

Status DriverHandler::validate(const PluginDescription& plugin) {
  const std::string who =
      "kubernetes.io/csi: ValidatePlugin for CSI driver " + api::goQuote(plugin.name) + " failed. ";
  if (const Status name = checkDriverName(plugin.name); !name.ok()) {
    return badRequest(who + name.message());
  }
  if (plugin.versions.empty()) {
    return badRequest(who + "Plugin returned an empty list for supported versions");
  }
  const auto version = highestSupported(plugin.versions);
  if (!version.ok()) {
    return badRequest(who + "None of the versions specified " + listed(plugin.versions) +
                      " are supported. err=" + version.status().message());
  }
  const auto known = drivers_.find(plugin.name);
  if (known && known->endpoint() != plugin.endpoint && known->version() >= *version) {
    return badRequest(who + "Another driver with the same name is already registered with a " +
                      "higher supported version: " + api::goQuote(text(known->version())));
  }
  return {};
}

/// What the driver says is what the cluster is told.
Task<Status> DriverHandler::introduce(Driver& driver, std::stop_token stop) {
  auto name = co_await driver.pluginName(stop);
  if (name.ok() && *name != driver.name()) {
    co_return badRequest("the plugin calls itself " + api::goQuote(*name) +
                         ", but was registered as " + api::goQuote(driver.name()));
  }
  if (!name.ok() && !net::grpc::isUnimplemented(name.status())) co_return name.status();
  CO_TRY(auto info, co_await driver.nodeInfo(stop));
  co_return co_await nodeInfo_.install(driver.name(), std::move(info), stop);
}

Task<Status> DriverHandler::add(PluginDescription plugin, std::stop_token stop) {
  CO_TRY(const auto version, highestSupported(plugin.versions));
  const auto driver = std::make_shared<Driver>(plugin.name, plugin.endpoint, version,
                                               channels_.open(plugin.endpoint));
  Status done = co_await introduce(*driver, std::move(stop));
  if (!done.ok()) {
    co_await driver->close();
    co_return done;
  }
  auto before = std::exchange(own_[plugin.name], Registered{driver, std::stop_source()});
  drivers_.put(driver);
  if (auto pass = gate_.enter()) {
    auto token = own_[plugin.name].stop.get_token();
    spawn(executor_, keepAllocatable(*this, driver, std::move(pass), std::move(token)));
  }
  if (before.driver) {
    before.stop.request_stop();
    auto pass = gate_.enter();
    if (pass) spawn(executor_, closeLater(std::move(before.driver), std::move(pass)));
  }
  co_return Status();
}

/// A driver's object is looked at now and then; nodes keep no watch for it.
Task<void> DriverHandler::keepAllocatable(DriverHandler& self, std::shared_ptr<Driver> driver,
                                          Gate::Pass pass, std::stop_token stop) {
  const std::string name = driver->name();
  while (self.drivers_.find(name) == driver) {
    const auto period = co_await self.nodeInfo_.updatePeriod(name, stop);
    Status slept = co_await sleepFor(period ? std::max(*period, kUpdateMin) : kLookAgain, stop);
    if (!slept.ok()) co_return;
    if (!period || self.drivers_.find(name) != driver) continue;
    auto info = co_await driver->nodeInfo(stop);
    Status done = info.status();
    if (done.ok()) done = co_await self.nodeInfo_.install(name, std::move(*info), stop);
    if (!done.ok() && !stop.stop_requested()) {
      kLog.warn("asking a driver how many volumes fit failed", {{"driver", name}, {"error", done}});
    }
  }
}

/// Calls that run fail: whoever made them tries again, with the new driver.
Task<void> DriverHandler::closeLater(std::shared_ptr<Driver> driver, Gate::Pass pass) {
  co_await driver->close();
}

Task<void> DriverHandler::remove(std::string name, std::string endpoint) {
  const auto found = own_.find(name);
  if (found == own_.end() || found->second.driver->endpoint() != endpoint) co_return;
  const auto driver = found->second.driver;
  found->second.stop.request_stop();
  own_.erase(found);
  drivers_.remove(*driver);
  co_await driver->close();
  Status done = co_await nodeInfo_.uninstall(name, stop_.get_token());
  if (!done.ok() && !stop_.stop_requested()) {
    kLog.warn("a driver that is gone could not be taken out of the CSINode",
              {{"driver", name}, {"error", done}});
  }
}

Task<void> DriverHandler::stop() {
  stop_.request_stop();
  for (auto& [name, own] : own_) own.stop.request_stop();
  co_await gate_.close();
  for (const auto& [name, own] : own_) {
    drivers_.remove(*own.driver);
    co_await own.driver->close();
  }
  own_.clear();
}

}  // namespace coxswain::kubelet::csi
