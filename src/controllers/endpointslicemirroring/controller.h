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

/// The mirrors of an Endpoints object, by address family.
struct Mirrors {
  std::vector<endpointslice::EndpointGroup> v4;
  std::vector<endpointslice::EndpointGroup> v6;
  size_t skipped = 0;  ///< addresses that are not shown, for whatever reason
  size_t invalid = 0;  ///< those of them that are no addresses
};
/// At most `addressesMax` of a subset, ready ones first.
Mirrors mirrored(const api::core::v1::Endpoints& endpoints, size_t addressesMax);

/// Shows Endpoints that people wrote, for services without a selector, as EndpointSlices. Endpoints
/// with label endpointslice.kubernetes.io/skip-mirror=true, and those that were a leader's lock,
/// are left alone. Upstream: pkg/controller/endpointslicemirroring.
class EndpointSliceMirroringController final : public Controller {
 public:
  struct Options {
    int workers = 5;
    size_t addressesMax = 1000;  ///< of each subset
    Duration batchPeriod{};      ///< how long changes of Endpoints are gathered
  };
  explicit EndpointSliceMirroringController(const Context& context)
      : EndpointSliceMirroringController(context, Options()) {}
  EndpointSliceMirroringController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  [[nodiscard]] std::vector<endpointslice::SlicePointer> slicesOf(const std::string& key) const;
  void tellSkipped(const api::core::v1::Endpoints& endpoints, const Mirrors& mirrors);

  Options options_;
  client::Informer& endpoints_;
  client::Informer& services_;
  client::Informer& slices_;
  endpointslice::SliceTracker tracker_;
};

}  // namespace coxswain::controllers::endpointslicemirroring
