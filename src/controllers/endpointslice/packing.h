#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/discovery_v1.h"

namespace coxswain::controllers::endpointslice {

using SlicePointer = std::shared_ptr<const api::discovery::v1::EndpointSlice>;

/// Endpoints that have the same ports, so that slices can hold them together.
struct EndpointGroup {
  std::vector<api::discovery::v1::EndpointPort> ports;
  std::vector<api::discovery::v1::Endpoint> endpoints;
};

/// What makes the slices of one owner and one address family right.
struct SliceChanges {
  std::vector<api::discovery::v1::EndpointSlice> create;
  std::vector<api::discovery::v1::EndpointSlice> update;
  std::vector<SlicePointer> remove;
};

/// What an endpoint is, however its condition: its object and first address.
std::string identityOf(const api::discovery::v1::Endpoint& endpoint);

/// Those of `existing` that `changes` leaves as they are.
std::vector<SlicePointer> keptOf(const std::vector<SlicePointer>& existing,
                                 const SliceChanges& changes);

/// Spreads `groups` over slices of at most `endpointsMax`, with few writes: an endpoint stays in
/// the slice it is in; new ones go into slices that are written anyway, then into the fullest that
/// has room for all of them, then into new ones. `pattern` has the metadata (generateName, labels,
/// owner) and address type of a new slice; existing ones get its labels. With `placeholder` one
/// empty slice says that there are no endpoints.
/// Upstream: staging/src/k8s.io/endpointslice/reconciler.go.
SliceChanges packSlices(std::vector<EndpointGroup> groups,
                        const std::vector<SlicePointer>& existing,
                        const api::discovery::v1::EndpointSlice& pattern, size_t endpointsMax,
                        bool placeholder);

}  // namespace coxswain::controllers::endpointslice
