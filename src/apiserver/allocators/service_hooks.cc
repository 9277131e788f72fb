#include "apiserver/allocators/service_hooks.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/names/field_error.h"
#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Service;
using api::core::v1::ServicePort;
using api::core::v1::ServiceSpec;

const Logger kLog("apiserver.allocators");

constexpr const char* kPortsKey = "/registry/ranges/servicenodeports";

constexpr std::string_view kSingleStack = "SingleStack";
constexpr std::string_view kPreferDualStack = "PreferDualStack";
constexpr std::string_view kRequireDualStack = "RequireDualStack";

bool needsAddress(const ServiceSpec& spec) {
  return spec.type != "ExternalName";
}
bool isHeadless(const ServiceSpec& spec) {
  return needsAddress(spec) && !spec.clusterIPs.empty() && spec.clusterIPs.front() == "None";
}
bool needsPorts(const ServiceSpec& spec) {
  return spec.type == "NodePort" ||
         (spec.type == "LoadBalancer" && spec.allocateLoadBalancerNodePorts.value_or(true));
}
bool needsHealthCheckPort(const ServiceSpec& spec) {
  return spec.type == "LoadBalancer" && spec.externalTrafficPolicy == "Local";
}

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string otherFamily(std::string_view family) {
  return family == "IPv4" ? "IPv6" : "IPv4";
}
std::string familyOf(std::string_view address) {
  return address.find(':') == std::string_view::npos ? "IPv4" : "IPv6";
}

std::vector<std::string> addressesOf(const ServiceSpec& spec) {
  if (!needsAddress(spec) || isHeadless(spec)) return {};
  return spec.clusterIPs;
}
std::set<int32_t> portsOf(const ServiceSpec& spec) {
  std::set<int32_t> ports;
  for (const auto& port : spec.ports) {
    if (port.nodePort != 0) ports.insert(port.nodePort);
  }
  if (spec.healthCheckNodePort != 0) ports.insert(spec.healthCheckNodePort);
  return ports;
}

AddressOwner ownerOf(const Service& service) {
  return {service.metadata.namespace_, service.metadata.name};
}

Status invalidService(const Service& service, FieldErrors errors) {
  return errors.toStatus("Service", service.metadata.name);
}

/// A service without addresses or with a policy of one family that goes from two to one keeps the
/// first of each.
void trimToOne(ServiceSpec& next, const ServiceSpec& current) {
  if (next.ipFamilyPolicy != kSingleStack || current.ipFamilyPolicy == kSingleStack) return;
  if (next.clusterIPs.size() > 1 && next.clusterIPs == current.clusterIPs) {
    next.clusterIPs.resize(1);
  }
  if (next.ipFamilies.size() > 1 && next.ipFamilies == current.ipFamilies) {
    next.ipFamilies.resize(1);
  }
}

}  // namespace

/// What one write took, and what its service had before.
class ServiceHooks::Transaction final : public StorageTransaction {
 public:
  Transaction(ServiceHooks& hooks, const Service& next, const Service* current, bool dryRun)
      : hooks_(hooks),
        next_(next),
        service_(ownerOf(next)),
        owner_(next.metadata.uid),
        dryRun_(dryRun) {
    if (!current) return;
    addressesBefore_ = addressesOf(current->spec);
    portsBefore_ = portsOf(current->spec);
  }
  ~Transaction() override {
    if (!finished_) giveBack();
  }

  [[nodiscard]] const std::string& owner() const { return owner_; }
  /// Then any number will do: the range's first is shown and nothing is searched for.
  [[nodiscard]] bool dryRun() const { return dryRun_; }
  [[nodiscard]] bool had(std::string_view address) const {
    return contains(addressesBefore_, address);
  }
  [[nodiscard]] bool had(int32_t port) const { return portsBefore_.contains(port); }
  void took(std::string address) { addressesTaken_.push_back(std::move(address)); }
  void took(int32_t port) { portsTaken_.insert(port); }
  [[nodiscard]] bool tookPort(int32_t port) const { return portsTaken_.contains(port); }

  /// What the object has now, when all is allocated: the rest of what it had goes if it is stored.
  void settle() {
    auto addresses = addressesOf(next_.spec);
    auto ports = portsOf(next_.spec);
    std::erase_if(addressesBefore_, [&](const auto& ip) { return contains(addresses, ip); });
    std::erase_if(portsBefore_, [&](int32_t port) { return ports.contains(port); });
  }

  Task<Status> prepare() override {
    if (!hooks_.book_ || dryRun_) co_return Status();
    for (const auto& ip : addressesTaken_) {
      Status added = co_await hooks_.book_->add(ip, service_);
      if (!added.ok()) {
        co_return isAlreadyExists(added)
            ? internalError("failed to allocate IP " + ip + ": provided IP is already allocated")
            : added;
      }
      addressesKept_.push_back(ip);
    }
    co_return Status();
  }

  void contribute(storage::WriteRequest& write) override {
    if (!portsTaken_.empty() || !portsBefore_.empty()) hooks_.writePorts(portsBefore_, write);
    if (!hooks_.book_) return;
    for (const auto& ip : addressesBefore_) hooks_.book_->dropWith(ip, service_, write);
  }

  void finish(bool stored) override {
    if (finished_) return;
    finished_ = true;
    if (!stored) return giveBack();
    for (const auto& address : addressesBefore_) give(address);
    for (int32_t port : portsBefore_) hooks_.ports_.give(port, owner_);
  }

 private:
  void give(const std::string& address) { hooks_.addresses_.give(address, owner_); }
  void giveBack() {
    for (const auto& address : addressesTaken_) {
      auto pass = contains(addressesKept_, address) ? hooks_.gate_.enter() : Gate::Pass();
      if (pass) {
        // Free once its object is gone.
        spawn(hooks_.executor_, hooks_.giveBack(address, service_, owner_, std::move(pass)));
      } else {
        give(address);
      }
    }
    for (int32_t port : portsTaken_) hooks_.ports_.give(port, owner_);
  }

  ServiceHooks& hooks_;
  const Service& next_;  // until settle()
  AddressOwner service_;
  std::string owner_;
  bool dryRun_;
  std::vector<std::string> addressesBefore_;
  std::set<int32_t> portsBefore_;
  std::vector<std::string> addressesTaken_;
  std::vector<std::string> addressesKept_;  ///< of those: the book has them
  std::set<int32_t> portsTaken_;
  bool finished_ = false;
};

void ServiceHooks::adopt(const Service& service) {
  const auto& owner = service.metadata.uid;
  auto tell = [&service](const Status& status, std::string what) {
    if (status.ok()) return;
    kLog.warn("a stored service has what it cannot",
              {{"service", service.metadata.namespace_ + "/" + service.metadata.name},
               {"what", what},
               {"why", status}});
  };
  for (const auto& address : addressesOf(service.spec)) {
    tell(addresses_.adopt(address, owner), address);
  }
  for (int32_t port : portsOf(service.spec)) tell(ports_.take(port, owner), std::to_string(port));
}

Task<Status> ServiceHooks::repair(std::vector<api::ConstObject> services) {
  std::map<std::string, AddressOwner, std::less<>> wanted;
  for (const auto& object : services) {
    const auto& service = *object.as<Service>();
    adopt(service);
    for (const auto& address : addressesOf(service.spec)) {
      auto ip = api::parseIpSloppy(address);
      if (ip) wanted.try_emplace(ip->str(), ownerOf(service));
    }
  }
  if (!book_) co_return Status();
  for (const auto& kept : book_->all()) {
    auto found = wanted.find(kept.ip);
    if (found != wanted.end() && found->second == kept.owner) continue;
    kLog.info("an address whose service is gone is free again", {{"address", kept.ip}});
    CO_TRY_STATUS(co_await book_->drop(kept.ip, kept.owner));
  }
  for (const auto& [ip, owner] : wanted) {
    if (book_->has(ip)) continue;
    Status added = co_await book_->add(ip, owner);
    if (!added.ok() && !isAlreadyExists(added)) co_return added;
  }
  co_return Status();
}

Task<void> ServiceHooks::giveBack(std::string ip, AddressOwner owner, std::string uid,
                                  Gate::Pass pass) {
  Status dropped = co_await book_->drop(ip, std::move(owner));
  if (!dropped.ok()) {
    kLog.warn("an address could not be given back", {{"address", ip}, {"why", dropped}});
  }
  addresses_.give(ip, uid);
}

Task<void> ServiceHooks::stop() {
  co_await gate_.close();
}

Status ServiceHooks::decideFamilies(Service& next, const Service* current) const {
  auto& spec = next.spec;
  if (!needsAddress(spec)) return {};
  if (current && needsAddress(current->spec)) trimToOne(spec, current->spec);
  const bool headless = isHeadless(spec);
  auto& families = spec.ipFamilies;
  for (size_t i = families.size(); !headless && i < spec.clusterIPs.size(); ++i) {
    families.push_back(familyOf(spec.clusterIPs[i]));
  }
  const auto primary = std::string(addresses_.primary().family());
  // Nobody but its owner knows where a headless service without selector leads to.
  if (headless && spec.selector.empty()) {
    if (!spec.ipFamilyPolicy) spec.ipFamilyPolicy = kRequireDualStack;
    if (families.empty()) families.push_back(primary);
    if (*spec.ipFamilyPolicy != kSingleStack && families.size() == 1) {
      families.push_back(otherFamily(families.front()));
    }
    return {};
  }
  if (!spec.ipFamilyPolicy) spec.ipFamilyPolicy = kSingleStack;
  const auto& policy = *spec.ipFamilyPolicy;
  const FieldPath path("spec");
  FieldErrors errors;
  if (policy == kSingleStack && (families.size() > 1 || spec.clusterIPs.size() > 1)) {
    errors.invalid(
        path.child("ipFamilyPolicy"), policy,
        spec.clusterIPs.size() > 1
            ? "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs "
              "are specified"
            : "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
              "are specified");
  }
  if (policy == kRequireDualStack && addresses_.families() < 2) {
    errors.invalid(path.child("ipFamilyPolicy"), policy,
                   "this cluster is not configured for dual-stack services");
  }
  if (!errors.empty()) return invalidService(next, std::move(errors));
  const auto familiesPath = path.child("ipFamilies");
  for (size_t i = 0; i < families.size(); ++i) {
    if (addresses_.hasFamily(families[i])) continue;
    errors.invalid(familiesPath.index(i), families[i], "not configured on this cluster");
  }
  if (!errors.empty()) return invalidService(next, std::move(errors));

  if (families.empty()) families.push_back(primary);
  const bool dual = policy == kPreferDualStack || policy == kRequireDualStack;
  if (dual && families.size() == 1 && addresses_.families() == 2) {
    families.push_back(otherFamily(families.front()));
  }
  return {};
}

Status ServiceHooks::allocateAddresses(Service& next, const Service* current,
                                       Transaction& transaction) {
  auto& spec = next.spec;
  if (!needsAddress(spec) || isHeadless(spec)) return {};
  for (size_t i = 0; i < spec.ipFamilies.size(); ++i) {
    if (i < spec.clusterIPs.size()) {
      const auto& wanted = spec.clusterIPs[i];
      if (transaction.had(wanted)) continue;
      Status status = addresses_.take(wanted, transaction.owner());
      if (!status.ok()) {
        FieldErrors errors;
        errors.invalid(FieldPath("spec").child("clusterIPs"), spec.clusterIPs,
                       "failed to allocate IP " + wanted + ": " + status.message());
        return invalidService(next, std::move(errors));
      }
      transaction.took(wanted);
      continue;
    }
    if (transaction.dryRun()) {
      spec.clusterIPs.push_back(addresses_.firstOf(spec.ipFamilies[i]));
      continue;
    }
    auto found = addresses_.takeAny(spec.ipFamilies[i], transaction.owner());
    if (!found) return internalError("failed to allocate a serviceIP: range is full");
    transaction.took(*found);
    spec.clusterIPs.push_back(std::move(*found));
  }
  spec.clusterIP = spec.clusterIPs.empty() ? "" : spec.clusterIPs.front();
  return {};
}

Status ServiceHooks::allocatePorts(Service& next, const Service* current,
                                   Transaction& transaction) {
  auto& ports = next.spec.ports;
  const FieldPath portsPath = FieldPath("spec").child("ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const int32_t wanted = ports[i].nodePort;
    if (wanted == 0 || transaction.had(wanted) || transaction.tookPort(wanted)) continue;
    Status status = ports_.take(wanted, transaction.owner());
    if (!status.ok()) {
      FieldErrors errors;
      errors.invalid(portsPath.index(i).child("nodePort"), wanted, status.message());
      return invalidService(next, std::move(errors));
    }
    transaction.took(wanted);
  }
  if (!needsPorts(next.spec)) return {};
  for (auto& port : ports) {
    if (port.nodePort != 0) continue;
    // One port over several protocols has one node port.
    auto twin = std::find_if(ports.begin(), ports.end(), [&](const ServicePort& other) {
      if (other.nodePort == 0 || other.port != port.port) return false;
      return std::none_of(ports.begin(), ports.end(), [&](const ServicePort& used) {
        return used.nodePort == other.nodePort && used.protocol == port.protocol;
      });
    });
    if (twin != ports.end()) {
      port.nodePort = twin->nodePort;
      continue;
    }
    if (transaction.dryRun()) {
      port.nodePort = ports_.first();
      continue;
    }
    auto found = ports_.takeAny(transaction.owner());
    if (!found) return internalError("failed to allocate a nodePort: range is full");
    transaction.took(*found);
    port.nodePort = *found;
  }
  return {};
}

Status ServiceHooks::allocateHealthCheckPort(Service& next, const Service* current,
                                             Transaction& transaction) {
  auto& port = next.spec.healthCheckNodePort;
  if (port != 0) {
    if (transaction.had(port) || transaction.tookPort(port)) return {};
    Status status = ports_.take(port, transaction.owner());
    if (!status.ok()) {
      return internalError("failed to allocate requested HealthCheck NodePort " +
                           std::to_string(port) + ": " + status.message());
    }
  } else {
    if (!needsHealthCheckPort(next.spec)) return {};
    if (transaction.dryRun()) {
      port = ports_.first();
      return {};
    }
    auto found = ports_.takeAny(transaction.owner());
    if (!found) {
      return internalError("failed to allocate a HealthCheck NodePort: range is full");
    }
    port = *found;
  }
  transaction.took(port);
  return {};
}

StorageHooks::Begun ServiceHooks::begin(Service& next, const Service* current, bool dryRun) {
  TRY_STATUS(decideFamilies(next, current));
  auto transaction = std::make_unique<Transaction>(*this, next, current, dryRun);
  TRY_STATUS(allocateAddresses(next, current, *transaction));
  TRY_STATUS(allocatePorts(next, current, *transaction));
  TRY_STATUS(allocateHealthCheckPort(next, current, *transaction));
  transaction->settle();
  return std::unique_ptr<StorageTransaction>(std::move(transaction));
}

Task<StorageHooks::Begun> ServiceHooks::beginCreate(api::Object& object, bool dryRun) {
  co_return begin(*object.as<Service>(), nullptr, dryRun);
}

Task<StorageHooks::Begun> ServiceHooks::beginUpdate(api::Object& next, const api::Object& current,
                                                    bool dryRun) {
  co_return begin(*next.as<Service>(), current.as<Service>(), dryRun);
}

void ServiceHooks::writePorts(const std::set<int32_t>& released,
                              storage::WriteRequest& write) const {
  api::core::v1::RangeAllocation allocation;
  allocation.range = ports_.str();
  allocation.data = ports_.bitmap(released);
  std::string bytes;
  api::encodeEnvelope(allocation.info(), &allocation, bytes, "v1", "RangeAllocation");
  write.operations.push_back(storage::Operation::put(kPortsKey, std::move(bytes)));
}

void ServiceHooks::contributeDelete(const api::Object& object, storage::WriteRequest& write) {
  const auto& service = *object.as<Service>();
  if (auto ports = portsOf(service.spec); !ports.empty()) writePorts(ports, write);
  if (!book_) return;
  for (const auto& ip : addressesOf(service.spec)) book_->dropWith(ip, ownerOf(service), write);
}

void ServiceHooks::afterDelete(const api::Object& object) {
  const auto& service = *object.as<Service>();
  const auto& owner = service.metadata.uid;
  for (const auto& address : addressesOf(service.spec)) {
    addresses_.give(address, owner);
  }
  for (int32_t port : portsOf(service.spec)) ports_.give(port, owner);
}

}  // namespace coxswain::apiserver
