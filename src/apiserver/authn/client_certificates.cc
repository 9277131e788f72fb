#include "apiserver/authn/client_certificates.h"

#include <algorithm>

#include "net/signing.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kKnownMax = 1024;
/// Intermediates and CAs end as well: a chain is looked at again after this.
constexpr auto kVerifiedFor = 10min;

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    out.push_back(kDigits[c >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

Result<UserInfo> userOf(const net::CertificateInfo& info, const std::string& der) {
  UserInfo user{info.commonName, "", info.organizations, {}};
  // As every user is; here it costs once.
  if (!user.inGroup("system:authenticated") && !user.inGroup("system:unauthenticated") &&
      user.name != "system:anonymous") {
    user.groups.emplace_back("system:authenticated");
  }
  if (info.uids.size() > 1) {
    std::string list;
    for (const auto& uid : info.uids) list += (list.empty() ? "" : " ") + uid;
    return unauthorized("expected 1 UID, but found multiple: [" + list + "]");
  }
  if (!info.uids.empty()) {
    user.uid = info.uids.front();
    if (user.uid.empty()) return unauthorized("UID cannot be an empty string");
  }
  user.extra["authentication.kubernetes.io/credential-id"].push_back("X509SHA256=" +
                                                                     hex(net::sha256(der)));
  return user;
}

}  // namespace

Status ClientCertificates::setCa(std::string caPem) {
  TRY_STATUS(net::certificatesToDer(caPem).status());
  if (caPem == ca_) return {};
  ca_ = std::move(caPem);
  known_.clear();
  return {};
}

Result<const ClientCertificates::Known*> ClientCertificates::verified(
    const std::vector<std::string>& chain, WallTime now) {
  const auto& leaf = chain.front();
  auto found = known_.find(leaf);
  if (found != known_.end() && now < found->second.until) return &found->second;
  TRY(auto info, net::parseCertificate(leaf));
  Status good = net::verifyChain(chain, ca_, net::CertificateUse::Client, now);
  if (!good.ok()) {
    if (found != known_.end()) known_.erase(found);
    return unauthorized("verifying certificate " + info.identifier + " failed: " + good.message());
  }
  if (found == known_.end() && known_.size() >= kKnownMax) known_.clear();
  Known known;
  auto user = userOf(info, leaf);
  if (user.ok()) {
    known.user = std::move(*user);
  } else {
    known.problem = user.status();
  }
  known.commonName = std::move(info.commonName);
  known.until = std::min(info.notAfter, WallTime(now + kVerifiedFor));
  return &known_.insert_or_assign(leaf, std::move(known)).first->second;
}

Result<const std::string*> ClientCertificates::verifiedName(const std::vector<std::string>& chain,
                                                            WallTime now) {
  if (chain.empty() || !enabled()) return nullptr;
  TRY(const auto* known, verified(chain, now));
  return &known->commonName;
}

Recognition ClientCertificates::recognise(const std::vector<std::string>& chain, WallTime now) {
  if (chain.empty() || !enabled()) return std::nullopt;
  TRY(const auto* known, verified(chain, now));
  if (known->commonName.empty()) return std::nullopt;
  if (!known->problem.ok()) return known->problem;
  return Authenticated{known->user};
}

}  // namespace coxswain::apiserver
