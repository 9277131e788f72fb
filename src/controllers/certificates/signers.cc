#include "controllers/certificates/signers.h"

#include <algorithm>
#include <set>

namespace coxswain::controllers::certificates {

using api::certificates::v1::CertificateSigningRequest;
using api::certificates::v1::CertificateSigningRequestCondition;

namespace {

Status refuse(std::string why) {
  return {Reason::Invalid, 422, std::move(why)};
}

Status checkApiServerClient(const std::vector<std::string>& usages) {
  bool client = false;
  for (const auto& usage : usages) {
    if (usage == "client auth") {
      client = true;
    } else if (usage != "digital signature" && usage != "key encipherment") {
      return refuse("invalid usage for client certificate: " + usage);
    }
  }
  return client ? Status() : refuse("missing required usage for client certificate: client auth");
}

/// `required` in order; "key encipherment" may be missing, as keys that are not RSA have no use for
/// it.
Status checkKubeletUsages(const std::vector<std::string>& usages, std::set<std::string> required) {
  const std::set<std::string> given(usages.begin(), usages.end());
  if (given == required) return {};
  std::string list;
  for (const auto& usage : required) list += (list.empty() ? "" : " ") + usage;
  required.erase("key encipherment");
  return given == required ? Status() : refuse("usages did not match [" + list + "]");
}

Status checkOrganization(const net::SigningRequest& request) {
  return request.organizations == std::vector<std::string>{"system:nodes"}
             ? Status()
             : refuse("subject organization is not system:nodes");
}

Status checkNodeName(const net::SigningRequest& request) {
  return request.commonName.starts_with("system:node:")
             ? Status()
             : refuse("subject common name does not begin with system:node: ");
}

Status checkNone(const std::vector<std::string>& names, std::string_view what) {
  return names.empty() ? Status() : refuse(std::string(what) + " subjectAltNames are not allowed");
}

Status checkKubeletClient(const net::SigningRequest& request,
                          const std::vector<std::string>& usages) {
  TRY_STATUS(checkOrganization(request));
  TRY_STATUS(checkNone(request.dnsNames, "DNS"));
  TRY_STATUS(checkNone(request.emailAddresses, "Email"));
  TRY_STATUS(checkNone(request.ipAddresses, "IP"));
  TRY_STATUS(checkNone(request.uris, "URI"));
  TRY_STATUS(checkNodeName(request));
  return checkKubeletUsages(usages, {"client auth", "digital signature", "key encipherment"});
}

Status checkKubeletServing(const net::SigningRequest& request,
                           const std::vector<std::string>& usages) {
  TRY_STATUS(checkOrganization(request));
  if (request.dnsNames.empty() && request.ipAddresses.empty()) {
    return refuse("DNS or IP subjectAltName is required");
  }
  TRY_STATUS(checkNone(request.emailAddresses, "Email"));
  TRY_STATUS(checkNone(request.uris, "URI"));
  TRY_STATUS(checkKubeletUsages(usages, {"digital signature", "key encipherment", "server auth"}));
  return checkNodeName(request);
}

}  // namespace

Status checkForSigner(std::string_view signerName, const net::SigningRequest& request,
                      const std::vector<std::string>& usages) {
  if (signerName == kApiServerClient) return checkApiServerClient(usages);
  if (signerName == kKubeletClient) return checkKubeletClient(request, usages);
  if (signerName == kKubeletServing) return checkKubeletServing(request, usages);
  return {};
}

const CertificateSigningRequestCondition* trueCondition(const CertificateSigningRequest& request,
                                                        std::string_view type) {
  const auto& all = request.status.conditions;
  const auto found = std::ranges::find_if(all, [type](const auto& each) {
    return each.type == type && (each.status.empty() || each.status == "True");
  });
  return found == all.end() ? nullptr : &*found;
}

bool isApproved(const CertificateSigningRequest& request) {
  return trueCondition(request, "Approved") && !trueCondition(request, "Denied") &&
         !trueCondition(request, "Failed");
}

void addCondition(CertificateSigningRequest& request, std::string type, std::string reason,
                  std::string message, WallTime now) {
  auto& added = request.status.conditions.emplace_back();
  added.type = std::move(type);
  added.status = "True";
  added.reason = std::move(reason);
  added.message = std::move(message);
  added.lastUpdateTime = api::Time(now);
}

}  // namespace coxswain::controllers::certificates
