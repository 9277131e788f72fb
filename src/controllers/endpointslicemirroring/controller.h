#pragma once

#include <string>
#include <vector>

#include "controllers/endpointslice/packing.h"
#include "controllers/endpointslice/tracker.h"
#include "controllers/framework/controller.h"

namespace coxswain::api::core::v1 {
struct Endpoints;
struct Service;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::endpointslicemirroring {

/// Shows Endpoints that people wrote, for services without a selector, as EndpointSlices. Endpoints
/// with label endpointslice.kubernetes.io/skip-mirror=true, and those that were a leader's lock,
/// are left alone. Upstream: pkg/controller/endpointslicemirroring.
class EndpointSliceMirroringController final : public Controller {
 public:
  explicit EndpointSliceMirroringController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  [[nodiscard]] std::vector<endpointslice::SlicePointer> slicesOf(const std::string& key) const;

  client::Informer& endpoints_;
  client::Informer& services_;
  client::Informer& slices_;
  endpointslice::SliceTracker tracker_;
};

/// The mirrors of an Endpoints object, by address family ("IPv4", "IPv6"). At most 1000 addresses
/// of a subset; `dropped` counts the others.
std::vector<endpointslice::EndpointGroup> mirrored(const api::core::v1::Endpoints& endpoints,
                                                   std::string_view addressType, size_t& dropped);

}  // namespace coxswain::controllers::endpointslicemirroring
