#include "apiserver/registry/resource/claim_status_rules.h"

#include <algorithm>
#include <string>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/resource/claim_rules.h"
#include "apiserver/registry/resource/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::AllocatedDeviceStatus;
using api::resource::v1::AllocationResult;
using api::resource::v1::DeviceAllocationConfiguration;
using api::resource::v1::DeviceRequestAllocationResult;
using api::resource::v1::NetworkDeviceData;
using api::resource::v1::ResourceClaim;
using api::resource::v1::ResourceClaimConsumerReference;

namespace {

constexpr size_t kReservedMax = 256;
constexpr size_t kResultsMax = 32;
constexpr size_t kConditionsMax = 8;
constexpr size_t kDataMax = 10 * 1024;
constexpr size_t kInterfaceNameMax = 256;
constexpr size_t kHardwareAddressMax = 128;
constexpr size_t kAddressesMax = 16;

/// "driver/pool/device" or, of a share, "driver/pool/device/share".
template <typename Device>
std::string deviceId(const Device& device) {
  std::string id = device.driver + "/" + device.pool + "/" + device.device;
  if (device.shareID) id += "/" + *device.shareID;
  return id;
}

void checkConsumers(const std::vector<ResourceClaimConsumerReference>& consumers,
                    const FieldPath& path, FieldErrors& errors) {
  if (tooMany(consumers.size(), kReservedMax, path, errors)) return;
  for (size_t i = 0; i < consumers.size(); ++i) {
    const auto at = path.index(i);
    requireText(consumers[i].resource, at.child("resource"), errors);
    requireText(consumers[i].name, at.child("name"), errors);
    requireText(consumers[i].uid, at.child("uid"), errors);
  }
  checkUnique(
      consumers, [](const auto& each) { return std::string_view(each.uid); }, path, errors);
}

void checkInterfaceAddress(std::string_view text, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kForm =
      "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
  const auto slash = text.find('/');
  const auto ip = api::parseIpSloppy(text.substr(0, slash));
  const auto bits = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  int length = 0;
  bool number = !bits.empty() && bits.size() <= 3 && (bits.size() == 1 || bits[0] != '0');
  for (const char c : bits) {
    number = number && c >= '0' && c <= '9';
    length = length * 10 + (c - '0');
  }
  if (!ip || !number || length > (ip->v6 ? 128 : 32)) return errors.invalid(path, text, kForm);
  const auto canonical = ip->str() + "/" + std::to_string(length);
  if (text != canonical) {
    errors.invalid(path, text, "must be in canonical form (" + api::goQuote(canonical) + ")");
  }
}

void checkNetworkData(const NetworkDeviceData& data, const FieldPath& path, FieldErrors& errors) {
  if (data.interfaceName.size() > kInterfaceNameMax) {
    errors.tooLong(path.child("interfaceName"), kInterfaceNameMax);
  }
  if (data.hardwareAddress.size() > kHardwareAddressMax) {
    errors.tooLong(path.child("hardwareAddress"), kHardwareAddressMax);
  }
  const auto ips = path.child("ips");
  if (tooMany(data.ips.size(), kAddressesMax, ips, errors)) return;
  for (size_t i = 0; i < data.ips.size(); ++i) {
    checkInterfaceAddress(data.ips[i], ips.index(i), errors);
  }
  checkUnique(
      data.ips, [](const std::string& ip) { return std::string_view(ip); }, ips, errors);
}

void checkDevice(const AllocatedDeviceStatus& device, const std::vector<std::string>& allocated,
                 const FieldPath& path, FieldErrors& errors) {
  checkCsiDriverName(device.driver, path.child("driver"), errors);
  checkPoolName(device.pool, path.child("pool"), errors);
  checkDns1123Label(device.device, path.child("device"), errors);
  if (device.shareID) checkUid(*device.shareID, path.child("shareID"), errors);
  const auto id = deviceId(device);
  if (std::find(allocated.begin(), allocated.end(), id) == allocated.end()) {
    errors.invalid(path, api::FieldValue::json(id), "must be an allocated device in the claim");
  }
  const auto conditions = path.child("conditions");
  tooMany(device.conditions.size(), kConditionsMax, conditions, errors);
  validateConditions(device.conditions, conditions, errors);
  if (device.data && !device.data->raw.empty()) {
    checkRawObject(device.data->raw, false, kDataMax, path.child("data"), errors);
  }
  if (device.networkData) checkNetworkData(*device.networkData, path.child("networkData"), errors);
}

void checkDevices(const ResourceClaim& claim, const FieldPath& path, FieldErrors& errors) {
  const auto& devices = claim.status.devices;
  if (devices.empty()) return;
  std::vector<std::string> allocated;
  if (claim.status.allocation) {
    for (const auto& each : claim.status.allocation->devices.results) {
      allocated.push_back(deviceId(each));
    }
  }
  std::vector<std::string> ids;
  for (size_t i = 0; i < devices.size(); ++i) {
    checkDevice(devices[i], allocated, path.index(i), errors);
    ids.push_back(deviceId(devices[i]));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto first = std::find(ids.begin(), ids.end(), ids[i]);
    if (static_cast<size_t>(first - ids.begin()) < i) {
      errors.duplicate(path.index(i), api::FieldValue::json(ids[i]));
    }
  }
}

void checkResult(const ResourceClaim& claim, const DeviceRequestAllocationResult& result,
                 const FieldPath& path, FieldErrors& errors) {
  checkRequestReference(claim.spec.devices, result.request, path.child("request"), errors);
  checkCsiDriverName(result.driver, path.child("driver"), errors);
  checkPoolName(result.pool, path.child("pool"), errors);
  checkDns1123Label(result.device, path.child("device"), errors);
  checkBindingConditions(result.bindingConditions, result.bindingFailureConditions, path, errors);
  checkTolerations(result.tolerations, path.child("tolerations"), errors);
  if (result.shareID) checkUid(*result.shareID, path.child("shareID"), errors);
}

void checkAllocation(const ResourceClaim& claim, const AllocationResult& allocation,
                     const FieldPath& path, FieldErrors& errors) {
  const auto devices = path.child("devices");
  const auto results = devices.child("results");
  if (!tooMany(allocation.devices.results.size(), kResultsMax, results, errors)) {
    for (size_t i = 0; i < allocation.devices.results.size(); ++i) {
      checkResult(claim, allocation.devices.results[i], results.index(i), errors);
    }
  }
  const auto config = devices.child("config");
  // Of the class and of the claim.
  if (!tooMany(allocation.devices.config.size(), 2 * kDeviceConfigMax, config, errors)) {
    for (size_t i = 0; i < allocation.devices.config.size(); ++i) {
      const auto& each = allocation.devices.config[i];
      const auto at = config.index(i);
      checkOneOf(each.source, {"FromClaim", "FromClass"}, at.child("source"), errors);
      checkRequestReferences(claim.spec.devices, each.requests, at.child("requests"), errors);
      checkDeviceConfiguration(each.deviceConfiguration, false, at, errors);
    }
  }
  if (allocation.nodeSelector) {
    validateNodeSelector(*allocation.nodeSelector, path.child("nodeSelector"), errors);
  }
}

void checkReservations(const ResourceClaim& next, const ResourceClaim& current,
                       const FieldPath& path, FieldErrors& errors) {
  const auto& reserved = next.status.reservedFor;
  if (reserved.empty()) return;
  if (!next.status.allocation) {
    return errors.forbidden(path, "may not be specified when `allocated` is not set");
  }
  if (!next.metadata.deletionTimestamp) return;
  const auto& before = current.status.reservedFor;
  const bool added = std::any_of(reserved.begin(), reserved.end(), [&](const auto& each) {
    return std::find(before.begin(), before.end(), each) == before.end();
  });
  if (added) {
    errors.forbidden(path,
                     "new entries may not be added while `deallocationRequested` or "
                     "`deletionTimestamp` are set");
  }
}

}  // namespace

void checkClaimStatus(const ResourceClaim& next, const ResourceClaim& current,
                      FieldErrors& errors) {
  const FieldPath path("status");
  const auto reservedFor = path.child("reservedFor");
  checkConsumers(next.status.reservedFor, reservedFor, errors);
  checkDevices(next, path.child("devices"), errors);
  checkReservations(next, current, reservedFor, errors);
  const auto& allocation = next.status.allocation;
  if (!allocation) return;
  const auto at = path.child("allocation");
  if (!current.status.allocation) return checkAllocation(next, *allocation, at, errors);
  if (!api::semanticEqual(*allocation, *current.status.allocation)) {
    errors.invalid(at, api::FieldValue::json(internalJson(*allocation)), kImmutableText);
  }
}

void dropDeallocatedDevices(ResourceClaim& next, const ResourceClaim& current) {
  if (!current.status.allocation) return;
  const auto sameDevice = [](const auto& a, const auto& b) {
    return a.driver == b.driver && a.pool == b.pool && a.device == b.device;
  };
  const auto has = [&](const ResourceClaim& claim, const AllocatedDeviceStatus& device) {
    if (!claim.status.allocation) return false;
    const auto& results = claim.status.allocation->devices.results;
    return std::any_of(results.begin(), results.end(),
                       [&](const auto& each) { return sameDevice(each, device); });
  };
  std::erase_if(next.status.devices, [&](const AllocatedDeviceStatus& device) {
    return has(current, device) && !has(next, device);
  });
}

}  // namespace coxswain::apiserver
