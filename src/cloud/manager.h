#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/local/local_provider.h"
#include "cloud/node/node_controller.h"
#include "cloud/provider.h"
#include "cloud/route/route_controller.h"
#include "controllers/framework/controller.h"

namespace coxswain::cloud {

/// What the flags of cloud-controller-manager say, with upstream's defaults.
struct ManagerOptions {
  std::vector<std::string> controllers = {"*"};  ///< as kube-controller-manager's
  NodeController::Options node;
  Duration monitorPeriod = std::chrono::seconds(5);
  int serviceWorkers = 1;
  bool allocateNodeCidrs = false;
  bool configureRoutes = true;
  RouteController::Options route;
};

/// By name ("local"). BadRequest for a name that nobody knows.
Result<std::unique_ptr<Provider>> makeProvider(std::string_view name, const LocalOptions& local);
std::vector<std::string_view> knownProviders();

/// The controllers that a provider has something for. One executor.
class CloudControllerManager {
 public:
  /// BadRequest for names of controllers that nobody knows.
  static Status check(const ManagerOptions& options);
  /// BadRequest as `check`. What `context` refers to and `provider`
  /// outlive it.
  static Result<std::unique_ptr<CloudControllerManager>> create(const controllers::Context& context,
                                                                Provider& provider,
                                                                const ManagerOptions& options);
  void start();
  Task<void> stop();
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }
  static std::vector<std::string_view> knownNames();

 private:
  explicit CloudControllerManager(const controllers::Context& context) : context_(context) {}

  controllers::Context context_;
  std::vector<std::unique_ptr<controllers::Controller>> controllers_;
  std::vector<std::string_view> names_;
};

}  // namespace coxswain::cloud
