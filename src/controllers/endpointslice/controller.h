#pragma once

#include <string>
#include <vector>

#include "controllers/endpointslice/endpoints_of.h"
#include "controllers/endpointslice/tracker.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::endpointslice {

/// Keeps the EndpointSlices of services with a selector. Slices of a service that is gone go with
/// it, by their owner reference.
/// Upstream: pkg/controller/endpointslice/endpointslice_controller.go.
class EndpointSliceController final : public Controller {
 public:
  struct Options {
    int workers = 5;
    size_t endpointsPerSliceMax = 100;
  };
  explicit EndpointSliceController(const Context& context) : EndpointSliceController(context, {}) {}
  EndpointSliceController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onPod(const client::Change& change);
  void onNode(const client::Change& change);
  void onSlice(const client::Change& change);
  [[nodiscard]] std::vector<SlicePointer> slicesOf(const api::core::v1::Service& service) const;
  [[nodiscard]] Zones zonesOf(const std::vector<PodPointer>& pods) const;

  size_t endpointsPerSliceMax_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& nodes_;
  client::Informer& slices_;
  SliceTracker tracker_;
};

}  // namespace coxswain::controllers::endpointslice
