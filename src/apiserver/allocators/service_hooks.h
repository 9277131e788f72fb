#pragma once

#include <memory>
#include <vector>

#include "apiserver/allocators/ranges.h"
#include "apiserver/generic/storage_hooks.h"

namespace coxswain::api::core::v1 {
struct Service;
struct ServiceSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

/// Gives services their families, cluster addresses, node ports and health check ports: free ones,
/// or those they ask for. What a write took is given back if the write does not happen; what a
/// service no longer has after one is free from then on. Nothing is handed out twice: what is taken
/// is known from the stored services (`adopt`) and the writes under way. One executor.
/// Upstream: pkg/registry/core/service/storage/alloc.go.
class ServiceHooks final : public StorageHooks {
 public:
  /// `addresses`: the ranges, the primary family's first; one or two of different families.
  ServiceHooks(std::vector<AddressRange> addresses, PortRange ports)
      : addresses_(std::move(addresses)), ports_(std::move(ports)) {}

  /// At start, for each stored service, before the first write.
  void adopt(const api::core::v1::Service& service);

  Task<Begun> beginCreate(api::Object& object, bool dryRun) override;
  Task<Begun> beginUpdate(api::Object& next, const api::Object& current, bool dryRun) override;
  void afterDelete(const api::Object& object) override;

  [[nodiscard]] const AddressRange& primary() const { return addresses_.front(); }
  [[nodiscard]] const PortRange& ports() const { return ports_; }

 private:
  class Transaction;
  Begun begin(api::core::v1::Service& next, const api::core::v1::Service* current, bool dryRun);
  Status allocateAddresses(api::core::v1::Service& next, const api::core::v1::Service* current,
                           Transaction& transaction);
  Status allocatePorts(api::core::v1::Service& next, const api::core::v1::Service* current,
                       Transaction& transaction);
  Status allocateHealthCheckPort(api::core::v1::Service& next,
                                 const api::core::v1::Service* current, Transaction& transaction);
  Status decideFamilies(api::core::v1::Service& next, const api::core::v1::Service* current) const;
  AddressRange* rangeOf(std::string_view family);

  std::vector<AddressRange> addresses_;
  PortRange ports_;
};

}  // namespace coxswain::apiserver
