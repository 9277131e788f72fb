#include <algorithm>
#include <set>

#include "api/gen/certificates_v1.h"
#include "api/meta/base64.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"
#include "net/certs.h"
#include "net/signing_request.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::certificates::v1::CertificateSigningRequest;
using Condition = api::certificates::v1::CertificateSigningRequestCondition;
using Conditions = std::vector<Condition>;

namespace {

constexpr std::string_view kApproved = "Approved";
constexpr std::string_view kDenied = "Denied";
constexpr std::string_view kFailed = "Failed";
constexpr std::string_view kLegacySigner = "kubernetes.io/legacy-unknown";
constexpr int32_t kExpirationMin = 600;
/// A domain, a namespace, a name, and what stands between them.
constexpr size_t kSignerNameMax = 253 + 1 + 63 + 1 + 253;

constexpr std::string_view kUsages[] = {"any",
                                        "cert sign",
                                        "client auth",
                                        "code signing",
                                        "content commitment",
                                        "crl sign",
                                        "data encipherment",
                                        "decipher only",
                                        "digital signature",
                                        "email protection",
                                        "encipher only",
                                        "ipsec end system",
                                        "ipsec tunnel",
                                        "ipsec user",
                                        "key agreement",
                                        "key encipherment",
                                        "microsoft sgc",
                                        "netscape sgc",
                                        "ocsp signing",
                                        "s/mime",
                                        "server auth",
                                        "signing",
                                        "timestamping"};

bool isKnownUsage(std::string_view usage) {
  return std::find(std::begin(kUsages), std::end(kUsages), usage) != std::end(kUsages);
}
bool hasUnknownUsage(const CertificateSigningRequest& object) {
  const auto& usages = object.spec.usages;
  return !std::all_of(usages.begin(), usages.end(), isKnownUsage);
}
template <typename List, typename Project>
bool hasDuplicate(const List& list, Project project) {
  std::set<std::string_view> seen;
  return !std::all_of(list.begin(), list.end(),
                      [&](const auto& each) { return seen.insert(project(each)).second; });
}
std::string_view typeOf(const Condition& condition) {
  return condition.type;
}
std::string_view textOf(const std::string& text) {
  return text;
}

Conditions ofType(const CertificateSigningRequest& object, std::string_view type) {
  Conditions out;
  for (const auto& each : object.status.conditions) {
    if (each.type == type) out.push_back(each);
  }
  return out;
}

/// Empty: fine.
std::string certificateFault(std::string_view pem) {
  if (pem.empty()) return "";
  int blocks = 0;
  while (auto block = net::takePemBlock(pem)) {
    if (block->type != "CERTIFICATE") {
      return "only CERTIFICATE PEM blocks are allowed, found " + api::goQuote(block->type);
    }
    if (block->hasHeaders) return "no PEM block headers are permitted";
    ++blocks;
    if (block->bytes.empty()) return "found CERTIFICATE PEM block containing 0 certificates";
    if (!net::parseCertificate(block->bytes).ok()) return "x509: malformed certificate";
  }
  return blocks == 0 ? "must contain at least one CERTIFICATE PEM block" : "";
}

/// What an endpoint may change, and what a stored object does wrong already.
struct Leniency {
  bool setsApproval = false;
  bool setsCertificate = false;
  bool bothApprovedAndDenied = false;
  bool legacySigner = false;
  bool duplicateConditions = false;
  bool emptyConditions = false;
  bool anyCertificate = false;
  bool duplicateUsages = false;
  bool unknownUsages = false;
};

Leniency leniencyFor(const CertificateSigningRequest& next,
                     const CertificateSigningRequest& current) {
  Leniency out;
  const auto& conditions = current.status.conditions;
  const auto& certificate = current.status.certificate;
  out.bothApprovedAndDenied =
      !ofType(current, kApproved).empty() && !ofType(current, kDenied).empty();
  out.legacySigner = current.spec.signerName == kLegacySigner;
  out.duplicateConditions = hasDuplicate(conditions, typeOf);
  out.emptyConditions = !ofType(current, "").empty();
  out.anyCertificate =
      next.status.certificate == certificate || !certificateFault(certificate).empty();
  out.duplicateUsages = hasDuplicate(current.spec.usages, textOf);
  out.unknownUsages = hasUnknownUsage(current);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(by);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

/// "example.com/signer": tells of the first part of each half that is wrong.
void checkSignerName(const std::string& name, const FieldPath& path, FieldErrors& errors) {
  if (requireText(name, path, errors)) return;
  const auto halves = split(name, '/');
  if (halves.size() != 2) {
    return errors.invalid(
        path, name,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  }
  auto checkParts = [&](std::string_view half, api::NameRule rule) {
    for (auto part : split(half, '.')) {
      auto messages = rule(part);
      for (const auto& message : messages) {
        errors.invalid(path, half, "validating label " + api::goQuote(part) + ": " + message);
      }
      if (!messages.empty()) return;
    }
  };
  const auto domain = halves[0];
  if (domain.size() > api::kDns1123SubdomainMax) {
    errors.tooLong(path, api::kDns1123SubdomainMax);
  }
  checkParts(domain, api::validateDns1123Label);
  if (domain.find('.') == std::string_view::npos) {
    errors.invalid(path, domain, "should be a domain with at least two segments separated by dots");
  }
  checkParts(halves[1], api::validateDns1123Subdomain);
  if (name.size() > kSignerNameMax) errors.tooLong(path, kSignerNameMax);
}

void checkConditions(const CertificateSigningRequest& object, const Leniency& lenient,
                     FieldErrors& errors) {
  const auto path = FieldPath("status").child("conditions");
  std::set<std::string_view> seen;
  bool approved = false;
  bool denied = false;
  const auto& conditions = object.status.conditions;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const auto& condition = conditions[i];
    const auto& type = condition.type;
    const auto at = path.index(i);
    if (!lenient.emptyConditions) requireText(type, at.child("type"), errors);
    if (type == kApproved || type == kDenied || type == kFailed) {
      checkOneOf(condition.status, {"True"}, at.child("status"), errors);
    } else {
      checkOneOf(condition.status, {"False", "True", "Unknown"}, at.child("status"), errors);
    }
    if (!lenient.bothApprovedAndDenied) {
      approved = approved || type == kApproved;
      denied = denied || type == kDenied;
      if (approved && denied && (type == kApproved || type == kDenied)) {
        errors.invalid(path, type, "Approved and Denied conditions are mutually exclusive");
      }
    }
    if (!seen.insert(type).second && !lenient.duplicateConditions) {
      errors.duplicate(at.child("type"), type);
    }
  }
}

void checkWhole(const CertificateSigningRequest& object, const Leniency& lenient,
                FieldErrors& errors) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  auto request = net::parseSigningRequest(spec.request);
  if (!request.ok()) {
    errors.invalid(path.child("request"), api::base64Encode(spec.request),
                   request.status().message());
  }
  const auto usages = path.child("usages");
  if (spec.usages.empty()) errors.required(usages);
  for (size_t i = 0; i < spec.usages.size() && !lenient.unknownUsages; ++i) {
    if (!isKnownUsage(spec.usages[i]))
      errors.notSupported(usages.index(i), spec.usages[i], kUsages);
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < spec.usages.size() && !lenient.duplicateUsages; ++i) {
    if (!seen.insert(spec.usages[i]).second) errors.duplicate(usages.index(i), spec.usages[i]);
  }
  const auto signer = path.child("signerName");
  if (!lenient.legacySigner && spec.signerName == kLegacySigner) {
    errors.invalid(signer, spec.signerName,
                   "the legacy signerName is not allowed via this API version");
  } else {
    checkSignerName(spec.signerName, signer, errors);
  }
  if (spec.expirationSeconds && *spec.expirationSeconds < kExpirationMin) {
    errors.invalid(path.child("expirationSeconds"), *spec.expirationSeconds,
                   "may not specify a duration less than 600 seconds (10 minutes)");
  }
  checkConditions(object, lenient, errors);
  if (lenient.anyCertificate) return;
  if (auto fault = certificateFault(object.status.certificate); !fault.empty()) {
    errors.invalid(FieldPath("status").child("certificate"), "<certificate data>", fault);
  }
}

void checkChange(const CertificateSigningRequest& next, const CertificateSigningRequest& current,
                 const Leniency& lenient, FieldErrors& errors) {
  checkWhole(next, lenient, errors);
  const FieldPath path("status");
  const auto conditions = path.child("conditions");
  for (auto type : {kApproved, kDenied, kFailed}) {
    if (ofType(next, type).size() < ofType(current, type).size()) {
      errors.forbidden(conditions,
                       "updates may not remove a condition of type " + api::goQuote(type));
    }
  }
  for (auto type : {kApproved, kDenied}) {
    if (!lenient.setsApproval && ofType(next, type).size() > ofType(current, type).size()) {
      errors.forbidden(conditions, "updates may not add a condition of type " + api::goQuote(type));
    }
  }
  const auto& certificate = current.status.certificate;
  if (next.status.certificate == certificate) return;
  if (!lenient.setsCertificate) {
    errors.forbidden(path.child("certificate"), "updates may not set certificate content");
  } else if (!certificate.empty()) {
    errors.forbidden(path.child("certificate"),
                     "updates may not modify existing certificate content");
  }
}

/// A status update cannot say anything else about an approval.
void keepConditions(CertificateSigningRequest& next, const CertificateSigningRequest& current,
                    std::string_view type) {
  auto kept = ofType(current, type);
  if (ofType(next, type).size() != kept.size()) return;  // for the rules to refuse
  auto from = kept.begin();
  for (auto& each : next.status.conditions) {
    if (each.type == type) each = *from++;
  }
}

void fillTimes(Conditions& conditions, const Conditions& before, api::Time now) {
  for (auto& each : conditions) {
    if (each.lastUpdateTime.isZero()) each.lastUpdateTime = now;
    if (!each.lastTransitionTime.isZero()) continue;
    auto same = std::find_if(before.begin(), before.end(), [&](const Condition& old) {
      return old.type == each.type && old.status == each.status && !old.lastTransitionTime.isZero();
    });
    each.lastTransitionTime = same == before.end() ? now : same->lastTransitionTime;
  }
}

StrategyTraits traitsWith(std::vector<std::string_view> resets) {
  return {.fieldSelectors = {"spec.signerName"},
          .resets = std::move(resets),
          .statusResets = {".spec", ".status.conditions"}};
}

class SigningRequestStrategy : public TypedStrategy<CertificateSigningRequest> {
 public:
  explicit SigningRequestStrategy(StrategyTraits traits = traitsWith({".spec", ".status"}))
      : TypedStrategy(std::move(traits)) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }
  /// Who asks for a certificate is who sent the request, whatever the object says.
  void stamp(void* object, const void* before, const Requester& requester) const override {
    auto& next = *static_cast<CertificateSigningRequest*>(object);
    if (before) {
      const auto& current = *static_cast<const CertificateSigningRequest*>(before);
      return fillTimes(next.status.conditions, current.status.conditions, requester.now);
    }
    next.spec.username = requester.name;
    next.spec.uid = requester.uid;
    next.spec.groups = requester.groups;
    next.spec.extra.clear();
    for (const auto& [key, values] : requester.extra) next.spec.extra[key] = values;
  }

 protected:
  void check(const CertificateSigningRequest& object, FieldErrors& errors) const override {
    checkWhole(object, {}, errors);
  }
  void beforeUpdate(CertificateSigningRequest& next,
                    const CertificateSigningRequest& current) const override {
    next.spec = current.spec;
  }
  void checkUpdate(const CertificateSigningRequest& next, const CertificateSigningRequest& current,
                   FieldErrors& errors) const override {
    checkChange(next, current, leniencyFor(next, current), errors);
  }
  void beforeStatusUpdate(CertificateSigningRequest& next,
                          const CertificateSigningRequest& current) const override {
    keepConditions(next, current, kApproved);
    keepConditions(next, current, kDenied);
  }
  void checkStatusUpdate(const CertificateSigningRequest& next,
                         const CertificateSigningRequest& current,
                         FieldErrors& errors) const override {
    auto lenient = leniencyFor(next, current);
    lenient.setsCertificate = true;
    checkChange(next, current, lenient, errors);
  }
  void fields(const CertificateSigningRequest& object, api::FieldSet& out) const override {
    out.emplace_back("spec.signerName", object.spec.signerName);
  }
};

/// /approval: the conditions alone.
class ApprovalStrategy final : public SigningRequestStrategy {
 public:
  ApprovalStrategy() : SigningRequestStrategy(traitsWith({".spec", ".status.certificate"})) {}

 protected:
  [[nodiscard]] bool resetsStatus() const override { return false; }
  void beforeUpdate(CertificateSigningRequest& next,
                    const CertificateSigningRequest& current) const override {
    next.spec = current.spec;
    next.status.certificate = current.status.certificate;
  }
  void checkUpdate(const CertificateSigningRequest& next, const CertificateSigningRequest& current,
                   FieldErrors& errors) const override {
    auto lenient = leniencyFor(next, current);
    lenient.setsApproval = true;
    checkChange(next, current, lenient, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeCertificateSigningRequestStrategy() {
  return std::make_unique<SigningRequestStrategy>();
}
std::unique_ptr<Strategy> makeCertificateApprovalStrategy() {
  return std::make_unique<ApprovalStrategy>();
}

}  // namespace coxswain::apiserver
