#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/networking_v1.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::servicecidr {

/// Would every address of a service still be in some range without `range`? `ranges`: all that
/// there are, itself among them or not; those that are being deleted do not count.
bool isDispensable(
    const api::networking::v1::ServiceCIDR& range,
    const std::vector<std::shared_ptr<const api::networking::v1::ServiceCIDR>>& ranges,
    const std::vector<std::shared_ptr<const api::networking::v1::IPAddress>>& addresses);

/// Ranges of service addresses have the finalizer networking.k8s.io/service-cidr-finalizer and are
/// Ready; one that is being deleted is not, and loses its finalizer when no address needs it any
/// more (and all API servers have had time to see that it goes).
/// Upstream: pkg/controller/servicecidrs.
class ServiceCidrController final : public Controller {
 public:
  explicit ServiceCidrController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Result<Duration>> letGo(std::shared_ptr<const api::networking::v1::ServiceCIDR> range,
                               std::stop_token stop);
  Task<Status> setReady(std::shared_ptr<const api::networking::v1::ServiceCIDR> range, bool ready,
                        std::stop_token stop);
  void wakeAll();

  client::Informer& ranges_;
  client::Informer& addresses_;
};

}  // namespace coxswain::controllers::servicecidr
