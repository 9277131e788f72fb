// Groups with a kind or two: certificates, coordination, scheduling, node, resource,
// apiregistration.
#include "api/gen/apiregistration_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/certificates_v1beta1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/coordination_v1beta1.h"
#include "api/gen/node_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/scheduling_v1.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using api::apiregistration::v1::APIService;
using api::certificates::v1::CertificateSigningRequest;
using api::certificates::v1beta1::ClusterTrustBundle;
using api::coordination::v1::Lease;
using api::coordination::v1beta1::LeaseCandidate;
using api::node::v1::RuntimeClass;
using api::scheduling::v1::PriorityClass;
using namespace api::resource::v1;  // NOLINT

constexpr Column kSigningColumns[] = {
    kName, kAge, {"SignerName"}, {"Requestor"}, {"RequestedDuration"}, {"Condition"}};

std::string signingCondition(const CertificateSigningRequest& request) {
  bool approved = false;
  bool denied = false;
  bool failed = false;
  for (const auto& condition : request.status.conditions) {
    approved = approved || condition.type == "Approved";
    denied = denied || condition.type == "Denied";
    failed = failed || condition.type == "Failed";
  }
  std::string out = denied ? "Denied" : approved ? "Approved" : "Pending";
  if (failed) out += ",Failed";
  if (!request.status.certificate.empty()) out += ",Issued";
  return out;
}

void printSigning(const CertificateSigningRequest& request, Row& row) {
  const auto& seconds = request.spec.expirationSeconds;
  row.text(request.metadata.name)
      .age(request.metadata)
      .textOr(request.spec.signerName, "<none>")
      .text(request.spec.username)
      .text(seconds ? humanDuration(std::chrono::seconds(*seconds)) : "<none>")
      .text(signingCondition(request));
}

constexpr Column kTrustBundleColumns[] = {kName, {"SignerName"}};
void printTrustBundle(const ClusterTrustBundle& object, Row& row) {
  row.text(object.metadata.name).textOr(object.spec.signerName, "<none>");
}

constexpr Column kLeaseColumns[] = {kName, {"Holder"}, kAge};
void printLease(const Lease& lease, Row& row) {
  row.text(lease.metadata.name).text(lease.spec.holderIdentity.value_or("")).age(lease.metadata);
}

constexpr Column kCandidateColumns[] = {
    kName, {"LeaseName"}, {"BinaryVersion"}, {"EmulationVersion"}, kAge};
void printCandidate(const LeaseCandidate& object, Row& row) {
  row.text(object.metadata.name)
      .text(object.spec.leaseName)
      .text(object.spec.binaryVersion)
      .text(object.spec.emulationVersion)
      .age(object.metadata);
}

constexpr Column kPriorityClassColumns[] = {
    kName, integer("Value"), boolean("Global-Default"), kAge, {"PreemptionPolicy"}};
void printPriorityClass(const PriorityClass& object, Row& row) {
  row.text(object.metadata.name)
      .number(object.value)
      .flag(object.globalDefault)
      .age(object.metadata)
      .text(object.preemptionPolicy.value_or("<unset>"));
}

constexpr Column kRuntimeClassColumns[] = {kName, {"Handler"}, kAge};
void printRuntimeClass(const RuntimeClass& object, Row& row) {
  row.text(object.metadata.name).text(object.handler).age(object.metadata);
}

constexpr Column kNameAgeColumns[] = {kName, kAge};
template <typename T>
void printNameAge(const T& object, Row& row) {
  row.text(object.metadata.name).age(object.metadata);
}

constexpr Column kClaimColumns[] = {kName, {"State"}, kAge};
void printClaim(const ResourceClaim& claim, Row& row) {
  std::vector<std::string> states;
  const bool deleted = claim.metadata.deletionTimestamp.has_value();
  if (deleted) states.emplace_back("deleted");
  if (claim.status.allocation) {
    states.emplace_back("allocated");
    if (!claim.status.reservedFor.empty()) states.emplace_back("reserved");
  } else if (!deleted) {
    states.emplace_back("pending");
  }
  row.text(claim.metadata.name).text(join(states, ",")).age(claim.metadata);
}

constexpr Column kSliceColumns[] = {kName, {"Node"}, {"Driver"}, {"Pool"}, kAge};
void printSlice(const ResourceSlice& slice, Row& row) {
  row.text(slice.metadata.name)
      .text(slice.spec.nodeName.value_or(""))
      .text(slice.spec.driver)
      .text(slice.spec.pool.name)
      .age(slice.metadata);
}

constexpr Column kApiServiceColumns[] = {kName, {"Service"}, {"Available"}, kAge};
void printApiService(const APIService& object, Row& row) {
  const auto& service = object.spec.service;
  std::string available = "Unknown";
  for (const auto& condition : object.status.conditions) {
    if (condition.type != "Available") continue;
    available = condition.status;
    if (available != "True" && !condition.reason.empty()) {
      available += " (" + condition.reason + ")";
    }
  }
  row.text(object.metadata.name)
      .text(service ? service->namespace_ + "/" + service->name : "Local")
      .text(available)
      .age(object.metadata);
}

}  // namespace

std::span<const Printer> miscPrinters() {
  static const Printer all[] = {
      printer<CertificateSigningRequest, printSigning>(kSigningColumns),
      printer<ClusterTrustBundle, printTrustBundle>(kTrustBundleColumns),
      printer<Lease, printLease>(kLeaseColumns),
      printer<LeaseCandidate, printCandidate>(kCandidateColumns),
      printer<PriorityClass, printPriorityClass>(kPriorityClassColumns),
      printer<RuntimeClass, printRuntimeClass>(kRuntimeClassColumns),
      printer<DeviceClass, printNameAge<DeviceClass>>(kNameAgeColumns),
      printer<ResourceClaimTemplate, printNameAge<ResourceClaimTemplate>>(kNameAgeColumns),
      printer<ResourceClaim, printClaim>(kClaimColumns),
      printer<ResourceSlice, printSlice>(kSliceColumns),
      printer<APIService, printApiService>(kApiServiceColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
