#pragma once

#include <memory>
#include <set>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/allocators/address_book.h"
#include "apiserver/allocators/ranges.h"
#include "apiserver/allocators/service_addresses.h"
#include "apiserver/generic/storage_hooks.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::api::core::v1 {
struct Service;
struct ServiceSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

/// Gives services their families, cluster addresses, node ports and health check ports: free ones,
/// or those they ask for. What a write took is given back if the write does not happen; what a
/// service no longer has after one is free from then on. Nothing is handed out twice: what is taken
/// is known from the stored services (`repair`) and the writes under way. Of each address an
/// IPAddress object is kept: made right before its service, gone together with it. Taken node ports
/// are written as upstream's bitmap, too, for whoever takes the store over. One executor.
/// Upstream: pkg/registry/core/service/storage/alloc.go.
class ServiceHooks final : public StorageHooks {
 public:
  /// `addresses`: the ranges, the primary family's first; one or two of different families. `book`
  /// may be null: then addresses are kept nowhere else. All references outlive this.
  ServiceHooks(Executor& executor, std::vector<AddressRange> addresses, PortRange ports,
               Random& random, AddressBook* book)
      : executor_(executor),
        addresses_(std::move(addresses), random, book),
        ports_(std::move(ports)),
        book_(book) {}

  /// At start, with all stored services, before the first write: what they have is taken, what the
  /// book lacks of that is added, and what it has of services that are gone is dropped.
  Task<Status> repair(std::vector<api::ConstObject> services);
  /// Ends what still runs in the background. Always, before destruction.
  Task<void> stop();

  Task<Begun> beginCreate(api::Object& object, bool dryRun) override;
  Task<Begun> beginUpdate(api::Object& next, const api::Object& current, bool dryRun) override;
  void contributeDelete(const api::Object& object, storage::WriteRequest& write) override;
  void afterDelete(const api::Object& object) override;

  [[nodiscard]] const ServiceAddresses& addresses() const { return addresses_; }
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
  void writePorts(const std::set<int32_t>& released, storage::WriteRequest& write) const;
  void adopt(const api::core::v1::Service& service);
  Task<void> giveBack(std::string ip, AddressOwner owner, std::string uid, Gate::Pass pass);

  Executor& executor_;
  ServiceAddresses addresses_;
  PortRange ports_;
  AddressBook* book_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
