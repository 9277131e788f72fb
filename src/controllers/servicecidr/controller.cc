#include "controllers/servicecidr/controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/names/ip.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"

namespace coxswain::controllers::servicecidr {

using api::networking::v1::IPAddress;
using api::networking::v1::ServiceCIDR;
using Ranges = std::vector<std::shared_ptr<const ServiceCIDR>>;

namespace {

constexpr const char* kFinalizer = "networking.k8s.io/service-cidr-finalizer";
constexpr std::string_view kManagerLabel = "ipaddress.kubernetes.io/managed-by";
constexpr std::string_view kManager = "ipallocator.k8s.io";
constexpr std::string_view kReady = "Ready";
/// Until every API server knows that a range goes.
constexpr auto kGrace = 10s;

Controller::Options options() {
  Controller::Options o;
  o.name = "service-cidr-controller";
  o.workers = 5;
  o.retriesMax = 15;
  return o;
}

std::vector<api::IpPrefix> prefixesOf(const ServiceCIDR& range) {
  std::vector<api::IpPrefix> out;
  for (const auto& cidr : range.spec.cidrs) {
    if (auto prefix = api::parseCidr(cidr)) out.push_back(*prefix);
  }
  return out;
}

bool contains(const api::IpPrefix& outer, const api::IpPrefix& inner) {
  return outer.length <= inner.length && outer.contains(inner.address);
}

template <typename Test>
bool anyOther(const ServiceCIDR& range, const Ranges& ranges, Test test) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& other) {
    if (other->metadata.name == range.metadata.name || other->metadata.deletionTimestamp) {
      return false;
    }
    auto prefixes = prefixesOf(*other);
    return std::any_of(prefixes.begin(), prefixes.end(), test);
  });
}

bool isOfAllocator(const IPAddress& address) {
  const auto* by = address.metadata.labels.get(kManagerLabel);
  return by && *by == kManager;
}

}  // namespace

bool isDispensable(const ServiceCIDR& range, const Ranges& ranges,
                   const std::vector<std::shared_ptr<const IPAddress>>& addresses) {
  const auto own = prefixesOf(range);
  const bool covered = std::all_of(own.begin(), own.end(), [&](const api::IpPrefix& prefix) {
    return anyOther(range, ranges,
                    [&](const api::IpPrefix& other) { return contains(other, prefix); });
  });
  if (covered) return true;
  return std::none_of(addresses.begin(), addresses.end(), [&](const auto& address) {
    auto ip = api::parseIp(address->metadata.name);
    if (!ip || !isOfAllocator(*address)) return false;
    auto holds = [&](const api::IpPrefix& prefix) { return prefix.contains(*ip); };
    return std::any_of(own.begin(), own.end(), holds) && !anyOther(range, ranges, holds);
  });
}

ServiceCidrController::ServiceCidrController(const Context& context)
    : Controller(context, options()), ranges_(use<ServiceCIDR>()), addresses_(use<IPAddress>()) {
  // A range that comes may free another one.
  ranges_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
    wakeAll();
  });
  addresses_.addHandler([this](const client::Change& change) {
    if (!change.after) wakeAll();
  });
}

/// Those that wait for their end.
void ServiceCidrController::wakeAll() {
  ranges_.forEach([this](const api::ConstObject& object) {
    if (api::objectMeta(object)->deletionTimestamp) queue().add(client::objectKey(object));
  });
}

Task<Status> ServiceCidrController::setReady(std::shared_ptr<const ServiceCIDR> range, bool ready,
                                             std::stop_token stop) {
  api::meta::v1::Condition wanted;
  wanted.type = kReady;
  wanted.status = ready ? "True" : "False";
  wanted.reason = ready ? "" : "Terminating";
  wanted.message = ready ? "Kubernetes Service CIDR is ready"
                         : "There are still IPAddresses referencing the ServiceCIDR, please remove "
                           "them or create a new ServiceCIDR";
  ServiceCIDR next = *range;
  auto& conditions = next.status.conditions;
  auto present = std::find_if(conditions.begin(), conditions.end(),
                              [](const auto& each) { return each.type == kReady; });
  if (present == conditions.end()) present = conditions.insert(conditions.end(), wanted);
  wanted.lastTransitionTime = present->lastTransitionTime;
  if (*present == wanted && !wanted.lastTransitionTime.isZero()) co_return Status();
  wanted.lastTransitionTime = api::Time::fromUnix(
      std::chrono::floor<std::chrono::seconds>(now()).time_since_epoch().count());
  *present = std::move(wanted);
  auto updated = co_await client::update<ServiceCIDR>(client(), std::move(next), "status", stop);
  co_return isNotFound(updated.status()) ? Status() : updated.status();
}

Task<Result<Duration>> ServiceCidrController::letGo(std::shared_ptr<const ServiceCIDR> range,
                                                    std::stop_token stop) {
  Ranges ranges;
  ranges_.forEach([&ranges](const api::ConstObject& object) {
    ranges.push_back(object.sharedAs<ServiceCIDR>());
  });
  std::vector<std::shared_ptr<const IPAddress>> addresses;
  addresses_.forEach([&addresses](const api::ConstObject& object) {
    addresses.push_back(object.sharedAs<IPAddress>());
  });
  if (!isDispensable(*range, ranges, addresses)) {
    CO_TRY_STATUS(co_await setReady(range, false, stop));
    co_return Duration(0);
  }
  const auto since = now() - range->metadata.deletionTimestamp->wall();
  if (since < kGrace) co_return std::chrono::duration_cast<Duration>(kGrace - since);
  api::ConstObject object(range);
  CO_TRY_STATUS(co_await setFinalizer(client(), client::resourceOf<ServiceCIDR>(), object,
                                      kFinalizer, false, stop));
  co_return Duration(0);
}

Task<Result<Duration>> ServiceCidrController::reconcile(std::string key, std::stop_token stop) {
  auto range = ranges_.get<ServiceCIDR>(key);
  if (!range) co_return Duration(0);
  if (range->metadata.deletionTimestamp) co_return co_await letGo(range, stop);
  const auto& finalizers = range->metadata.finalizers;
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) {
    // Its event brings the range here again.
    api::ConstObject object(range);
    CO_TRY_STATUS(co_await setFinalizer(client(), client::resourceOf<ServiceCIDR>(), object,
                                        kFinalizer, true, stop));
    co_return Duration(0);
  }
  Status ready = co_await setReady(range, true, stop);
  if (!ready.ok() && !isConflict(ready)) {
    events().event(*range, client::kEventWarning, "KubernetesServiceCIDRError",
                   "The ServiceCIDR Status can not be set to Ready=True");
  }
  if (!ready.ok()) co_return ready;
  co_return Duration(0);
}

}  // namespace coxswain::controllers::servicecidr
