#include "apiserver/allocators/stored_address_book.h"

#include "api/gen/meta_v1.h"
#include "api/gen/networking_v1.h"
#include "apiserver/generic/generic_registry.h"

namespace coxswain::apiserver {
namespace {

using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;

constexpr std::string_view kFamilyLabel = "ipaddress.kubernetes.io/ip-family";
constexpr std::string_view kManagerLabel = "ipaddress.kubernetes.io/managed-by";
constexpr std::string_view kManager = "ipallocator.k8s.io";
constexpr std::string_view kServices = "services";

bool isReady(const ServiceCIDR& range) {
  if (range.metadata.deletionTimestamp) return false;
  for (const auto& condition : range.status.conditions) {
    if (condition.type == "Ready") return condition.status == "True";
  }
  return true;  // where nobody looks after it
}

/// Nothing: it is not a service's.
std::optional<AddressOwner> ownerOf(const IPAddress& address) {
  const auto& parent = address.spec.parentRef;
  if (!parent || !parent->group.empty() || parent->resource != kServices) return std::nullopt;
  return AddressOwner{parent->namespace_, parent->name};
}

bool isManaged(const IPAddress& address) {
  const auto* by = address.metadata.labels.get(kManagerLabel);
  return by && *by == kManager;
}

}  // namespace

bool StoredAddressBook::has(std::string_view ip) const {
  return addresses_.find("", ip).ok();
}

std::vector<AddressBook::Range> StoredAddressBook::ranges() const {
  std::vector<Range> out;
  auto list = cidrs_.list({});
  if (!list.ok()) return out;
  for (const auto& item : list->items) {
    auto object = item.object();
    if (!object.ok()) continue;
    const auto& range = *object->as<ServiceCIDR>();
    for (const auto& cidr : range.spec.cidrs) out.push_back({cidr, isReady(range)});
  }
  return out;
}

std::vector<AddressBook::Kept> StoredAddressBook::all() const {
  std::vector<Kept> out;
  auto list = addresses_.list({});
  if (!list.ok()) return out;
  for (const auto& item : list->items) {
    auto object = item.object();
    if (!object.ok()) continue;
    const auto& address = *object->as<IPAddress>();
    auto owner = ownerOf(address);
    if (owner && isManaged(address)) out.push_back({address.metadata.name, std::move(*owner)});
  }
  return out;
}

bool StoredAddressBook::isOf(const std::string& ip, const AddressOwner& owner) const {
  auto object = addresses_.get("", ip);
  return object.ok() && ownerOf(*object->as<IPAddress>()) == owner;
}

Task<Status> StoredAddressBook::add(std::string ip, AddressOwner owner) {
  IPAddress address;
  address.metadata.labels[kFamilyLabel] = ip.find(':') == std::string::npos ? "IPv4" : "IPv6";
  address.metadata.labels[kManagerLabel] = kManager;
  address.metadata.name = std::move(ip);
  auto& parent = address.spec.parentRef.emplace();
  parent.resource = kServices;
  parent.namespace_ = std::move(owner.ns);
  parent.name = std::move(owner.name);
  api::Object object(std::move(address));
  auto made = co_await addresses_.create("", std::move(object), false);
  co_return made.status();
}

Task<Status> StoredAddressBook::drop(std::string ip, AddressOwner owner) {
  if (!isOf(ip, owner)) co_return Status();
  DeleteRequest request;
  auto deleted = co_await addresses_.remove("", std::move(ip), std::move(request));
  if (!deleted.ok() && !isNotFound(deleted.status())) co_return deleted.status();
  co_return Status();
}

void StoredAddressBook::dropWith(const std::string& ip, const AddressOwner& owner,
                                 storage::WriteRequest& write) const {
  if (isOf(ip, owner)) write.operations.push_back(storage::Operation::del(addresses_.key("", ip)));
}

}  // namespace coxswain::apiserver
