#pragma once

#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::expand {

/// Claims that ask for more than they have: here only those whose volume is not expanded by an
/// external resizer of its driver would be seen to, and Kubernetes has none such any more. So it
/// says who is waited for (event ExternalExpanding), and writes the resizer's name on claims of
/// volumes that a CSI driver took over (annotation volume.kubernetes.io/storage-resizer).
/// Upstream: pkg/controller/volume/expand.
class ExpandController final : public Controller {
 public:
  explicit ExpandController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& claims_;
};

}  // namespace coxswain::controllers::expand
