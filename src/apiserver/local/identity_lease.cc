#include "apiserver/local/identity_lease.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::coordination::v1::Lease;

const Logger kLog("apiserver.identity");

constexpr const char* kNamespace = "kube-system";
constexpr int32_t kDurationSeconds = 3600;
constexpr auto kRenewEvery = 5min;

/// RFC 4648 base 32 in small letters, without padding.
std::string base32(const unsigned char* bytes, size_t size) {
  static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (size_t i = 0; i < size; ++i) {
    bits = bits << 8U | bytes[i];
    for (count += 8; count >= 5; count -= 5) out += kLetters[bits >> (count - 5) & 31U];
  }
  if (count > 0) out += kLetters[bits << (5 - count) & 31U];
  return out;
}

}  // namespace

std::string identityLeaseName(std::string_view hostName) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(hostName.data()), hostName.size(), digest.data());
  return "apiserver-" + base32(digest.data(), 16);
}

IdentityLease::IdentityLease(client::Client& client, Executor& executor, Random& random,
                             std::string hostName)
    : client_(client),
      executor_(executor),
      hostName_(std::move(hostName)),
      holder_(fmt::format("{}_{:016x}{:016x}", identityLeaseName(hostName_), random.next(),
                          random.next())) {}

Task<Status> IdentityLease::ensure(std::stop_token stop) {
  auto present =
      co_await client::get<Lease>(client_, kNamespace, identityLeaseName(hostName_), stop);
  if (!present.ok() && !isNotFound(present.status())) co_return present.status();
  Lease lease;
  if (present.ok()) lease = **present;
  lease.metadata.name = identityLeaseName(hostName_);
  lease.metadata.namespace_ = kNamespace;
  lease.metadata.labels["apiserver.kubernetes.io/identity"] = "kube-apiserver";
  lease.metadata.labels["kubernetes.io/hostname"] = hostName_;
  auto& spec = lease.spec;
  spec.holderIdentity = holder_;
  spec.leaseDurationSeconds = kDurationSeconds;
  spec.renewTime = api::MicroTime(executor_.wallNow());
  if (present.ok()) {
    auto updated = co_await client::update(client_, std::move(lease), "", stop);
    co_return updated.status();
  }
  auto made = co_await client::create(client_, std::move(lease), stop);
  co_return made.status();
}

Task<void> IdentityLease::run(Gate::Pass pass) {
  const auto stop = stop_.get_token();
  while (true) {
    Status renewed = co_await ensure(stop);
    if (stop.stop_requested()) break;
    if (!renewed.ok()) kLog.warn("identity lease could not be renewed", {{"why", renewed}});
    Status slept = co_await sleepFor(kRenewEvery, stop);
    if (!slept.ok()) break;
  }
}

void IdentityLease::keep() {
  if (auto pass = gate_.enter()) spawn(executor_, run(std::move(pass)));
}

Task<void> IdentityLease::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::apiserver
