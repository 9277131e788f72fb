#include "dns/resolv_conf.h"

#include <algorithm>

#include "api/names/ip.h"
#include "dns/server.h"
#include "net/stream.h"

namespace coxswain::dns {
namespace {

constexpr size_t kSizeMax = 64 << 10;
constexpr Duration kLookAgain = 1s;

}  // namespace

Result<std::string> upstreamWithPort(const std::string& upstream) {
  if (auto ip = api::parseIp(upstream)) {
    auto text = ip->str();
    return (ip->v6 ? "[" + text + "]" : text) + ":53";
  }
  auto parts = net::splitHostPort(upstream);
  if (!parts.ok() || !api::parseIp(parts->first))
    return badRequest("upstream \"" + upstream + "\" is not an address");
  return upstream;
}

ResolvConf::ResolvConf(Files& files, std::string path, std::vector<std::string> ours)
    : files_(files), path_(std::move(path)), ours_(std::move(ours)) {}

std::string ResolvConf::fingerprint() {
  auto info = files_.stat(path_);
  if (!info.ok()) return "none";
  return std::to_string(info->inode) + "/" + std::to_string(info->size) + "/" +
         std::to_string(info->modified.time_since_epoch().count());
}

std::optional<std::vector<std::string>> ResolvConf::changed(MonotonicTime now) {
  if (lookedAt_ && now - *lookedAt_ < kLookAgain) return std::nullopt;
  const bool first = !lookedAt_;
  lookedAt_ = now;
  auto found = fingerprint();
  if (!first && found == seen_) return std::nullopt;
  seen_ = std::move(found);
  std::vector<std::string> servers;
  if (auto text = files_.read(path_, kSizeMax); text.ok()) {
    for (const auto& address : upstreamsOf(*text, ours_)) {
      if (auto server = upstreamWithPort(address); server.ok()) servers.push_back(*server);
    }
  }
  if (!first && servers == told_) return std::nullopt;
  told_ = servers;
  return servers;
}

std::vector<std::string> upstreamsOf(std::string_view resolvConf,
                                     const std::vector<std::string>& ours) {
  std::vector<std::string> out;
  while (!resolvConf.empty()) {
    const auto end = resolvConf.find('\n');
    auto line = resolvConf.substr(0, end);
    resolvConf = end == std::string_view::npos ? "" : resolvConf.substr(end + 1);
    constexpr std::string_view kWord = "nameserver";
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || !line.substr(first).starts_with(kWord)) continue;
    line = line.substr(first + kWord.size());
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || begin == 0) continue;
    line = line.substr(begin);
    line = line.substr(0, line.find_first_of(" \t\r#;"));
    auto address = api::parseIp(line);
    if (!address) continue;
    auto text = address->str();
    if (std::find(ours.begin(), ours.end(), text) != ours.end()) continue;
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace coxswain::dns
