#include "apiserver/local/authentication_config.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;

const Logger kLog("apiserver.authn");

constexpr const char* kNamespace = "kube-system";
constexpr const char* kName = "extension-apiserver-authentication";
constexpr auto kRetryAfter = 5s;
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

/// The certificates of a PEM text that have not ended, each as text of its own.
std::vector<std::string> certificatesOf(std::string_view pem, WallTime now) {
  std::vector<std::string> out;
  while (true) {
    const auto begin = pem.find(kBegin);
    if (begin == std::string_view::npos) break;
    const auto end = pem.find(kEnd, begin);
    if (end == std::string_view::npos) break;
    std::string one(pem.substr(begin, end + kEnd.size() - begin));
    pem.remove_prefix(end + kEnd.size());
    auto der = net::certificatesToDer(one);
    if (!der.ok()) continue;
    auto info = net::parseCertificate(der->front());
    if (info.ok() && info->notAfter > now) out.push_back(one + "\n");
  }
  return out;
}

std::string joinCertificates(std::string_view present, std::string_view own, WallTime now) {
  auto all = certificatesOf(own, now);
  for (auto& one : certificatesOf(present, now)) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
  }
  std::string out;
  for (const auto& one : all) out += one;
  return out;
}

/// A JSON list of texts; whatever is none is empty.
std::vector<std::string> listOf(std::string_view text) {
  std::vector<std::string> out;
  auto value = api::parseJsonValue(text);
  if (!value.ok() || !value->is_array()) return out;
  for (const auto& one : value->get_array()) {
    if (one.is_string()) out.emplace_back(one.get_string());
  }
  return out;
}

std::string joinLists(std::string_view present, const std::vector<std::string>& own) {
  auto all = listOf(present);
  for (const auto& one : own) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  boost::json::array out;
  for (const auto& one : all) out.emplace_back(one);
  return api::writeJsonValue(out);
}

}  // namespace

ConfigMapData authenticationData(const ConfigMapData& present, std::string_view clientCaPem,
                                 const RequestHeaderOptions& requestHeaders, WallTime now) {
  ConfigMapData data = present;
  const auto certificates = [&](const char* key, std::string_view pem) {
    auto joined = joinCertificates(data[key], pem, now);
    if (joined.empty()) {
      data.erase(key);
    } else {
      data[key] = std::move(joined);
    }
  };
  certificates("client-ca-file", clientCaPem);
  if (requestHeaders.caPem.empty()) return data;
  const auto list = [&data](const char* key, const std::vector<std::string>& own) {
    data[key] = joinLists(data[key], own);
  };
  certificates("requestheader-client-ca-file", requestHeaders.caPem);
  list("requestheader-username-headers", requestHeaders.usernameHeaders);
  if (!requestHeaders.uidHeaders.empty()) {
    list("requestheader-uid-headers", requestHeaders.uidHeaders);
  }
  list("requestheader-group-headers", requestHeaders.groupHeaders);
  list("requestheader-extra-headers-prefix", requestHeaders.extraHeadersPrefixes);
  list("requestheader-allowed-names", requestHeaders.allowedNames);
  return data;
}

Task<Status> AuthenticationConfig::ensure(std::stop_token stop) {
  auto present = co_await client::get<ConfigMap>(client_, kNamespace, kName, stop);
  if (!present.ok() && !isNotFound(present.status())) co_return present.status();
  ConfigMap map;
  if (present.ok()) map = **present;
  map.metadata.name = kName;
  map.metadata.namespace_ = kNamespace;
  ConfigMapData before;
  for (const auto& [key, value] : map.data) before.emplace(key, value);
  const auto after = authenticationData(before, clientCaPem_, requestHeaders_, executor_.wallNow());
  if (present.ok() && before == after) co_return Status();
  map.data.clear();
  for (const auto& [key, value] : after) map.data.insert_or_assign(key, value);
  if (present.ok()) {
    auto updated = co_await client::update(client_, std::move(map), "", stop);
    co_return updated.status();
  }
  auto made = co_await client::create(client_, std::move(map), stop);
  co_return made.status();
}

void AuthenticationConfig::set(std::string clientCaPem, RequestHeaderOptions requestHeaders) {
  clientCaPem_ = std::move(clientCaPem);
  requestHeaders_ = std::move(requestHeaders);
  if (auto pass = gate_.enter(); kept_ && pass) spawn(executor_, ensureNow(std::move(pass)));
}

Task<void> AuthenticationConfig::ensureNow(Gate::Pass pass) {
  // Where this fails (somebody was faster), the watch brings the next try.
  Status done = co_await ensure(stop_.get_token());
  if (!done.ok() && !stop_.stop_requested()) {
    kLog.warn("new certificate authorities could not be told", {{"why", done}});
  }
}

Task<Status> AuthenticationConfig::watchOnce(std::stop_token stop) {
  client::WatchOptions options;
  options.fieldSelector = "metadata.name=" + std::string(kName);
  options.allowBookmarks = false;
  CO_TRY(auto watch, co_await client_.watch(client::resourceOf<ConfigMap>(), kNamespace,
                                            std::move(options), stop));
  CO_TRY_STATUS(co_await ensure(stop));
  while (true) {
    auto event = co_await watch->next(stop);
    if (!event.ok()) co_return event.status();
    CO_TRY_STATUS(co_await ensure(stop));
  }
}

Task<void> AuthenticationConfig::run(Gate::Pass pass) {
  const auto stop = stop_.get_token();
  while (!stop.stop_requested()) {
    Status status = co_await watchOnce(stop);
    if (stop.stop_requested()) break;
    if (!isEndOfStream(status) && !isConflict(status)) {
      kLog.warn("config map of authentication could not be kept", {{"why", status}});
    }
    Status slept = co_await sleepFor(kRetryAfter, stop);
    if (!slept.ok()) break;
  }
}

void AuthenticationConfig::keep() {
  kept_ = true;
  if (auto pass = gate_.enter()) spawn(executor_, run(std::move(pass)));
}

Task<void> AuthenticationConfig::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::apiserver
