#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kubelet/csi/driver.h"

namespace coxswain::kubelet::csi {

/// The drivers that are registered with this kubelet. One executor.
/// Upstream: pkg/volume/csi/csi_drivers_store.go.
class Drivers {
 public:
  /// Null: it is not registered.
  [[nodiscard]] std::shared_ptr<Driver> find(const std::string& name) const {
    const auto found = drivers_.find(name);
    return found == drivers_.end() ? nullptr : found->second;
  }
  /// NotFound: `driver name X not found in the list of registered CSI drivers`.
  [[nodiscard]] Result<std::shared_ptr<Driver>> get(const std::string& name) const {
    if (auto driver = find(name)) return driver;
    return Status(Reason::NotFound, 404,
                  "driver name " + name + " not found in the list of registered CSI drivers");
  }

  void put(std::shared_ptr<Driver> driver) {
    const std::string name = driver->name();
    drivers_[name] = std::move(driver);
    for (const auto& handler : handlers_) handler(name);
  }
  /// Unless another one has taken its name since.
  void remove(const Driver& driver) {
    const auto found = drivers_.find(driver.name());
    if (found != drivers_.end() && found->second.get() == &driver) drivers_.erase(found);
  }
  /// Is told of each driver that comes.
  void onPut(std::function<void(const std::string& name)> handler) {
    handlers_.push_back(std::move(handler));
  }

 private:
  std::map<std::string, std::shared_ptr<Driver>> drivers_;
  std::vector<std::function<void(const std::string&)>> handlers_;
};

}  // namespace coxswain::kubelet::csi
