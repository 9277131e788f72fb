#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/informers.h"

namespace coxswain::api::core::v1 {
struct Service;
}
namespace coxswain::api::discovery::v1 {
struct EndpointSlice;
}

namespace coxswain::dns {

using ServicePointer = std::shared_ptr<const api::core::v1::Service>;
using SlicePointer = std::shared_ptr<const api::discovery::v1::EndpointSlice>;

/// What a zone knows of the cluster. Addresses are in the form of RFC 5952.
class Directory {
 public:
  virtual ~Directory() = default;
  /// False: nothing can be said yet.
  [[nodiscard]] virtual bool ready() const = 0;
  [[nodiscard]] virtual bool hasNamespace(const std::string& ns) const = 0;
  /// Null: absent.
  [[nodiscard]] virtual ServicePointer service(const std::string& ns,
                                               const std::string& name) const = 0;
  [[nodiscard]] virtual std::vector<SlicePointer> slices(const std::string& ns,
                                                         const std::string& service) const = 0;
  /// Services with this cluster IP; slices with an endpoint of this address.
  [[nodiscard]] virtual std::vector<ServicePointer> servicesAt(
      const std::string& address) const = 0;
  [[nodiscard]] virtual std::vector<SlicePointer> slicesAt(const std::string& address) const = 0;
};

/// The directory of informers (Services, EndpointSlices, Namespaces). Before informers.start().
std::unique_ptr<Directory> informerDirectory(client::Informers& informers);

/// Label kubernetes.io/service-name of a slice; empty: none.
std::string serviceNameOf(const api::discovery::v1::EndpointSlice& slice);

}  // namespace coxswain::dns
