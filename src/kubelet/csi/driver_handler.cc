#include "kubelet/csi/driver_handler.h"

#include <fmt/format.h>

#include "api/names/quote.h"
#include "base/log.h"
#include "net/grpc/grpc.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::csi {
namespace {

const Logger kLog("csi");

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
  auto before = std::exchange(own_[plugin.name], driver);
  drivers_.put(driver);
  if (before) {
    auto pass = gate_.enter();
    if (pass) spawn(executor_, closeLater(std::move(before), std::move(pass)));
  }
  co_return Status();
}

/// Calls that run fail: whoever made them tries again, with the new driver.
Task<void> DriverHandler::closeLater(std::shared_ptr<Driver> driver, Gate::Pass pass) {
  co_await driver->close();
}

Task<void> DriverHandler::remove(std::string name) {
  const auto found = own_.find(name);
  if (found == own_.end()) co_return;
  const auto driver = found->second;
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
  co_await gate_.close();
  for (const auto& [name, driver] : own_) {
    drivers_.remove(*driver);
    co_await driver->close();
  }
  own_.clear();
}

}  // namespace coxswain::kubelet::csi
