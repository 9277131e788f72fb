#include "apiserver/aggregator/forwarding.h"

#include <algorithm>

#include "apiserver/kubelet_proxy/reverse_proxy.h"
#include "apiserver/server/load.h"
#include "net/url.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr Duration kRequestMax = 60s;
constexpr std::string_view kExtraPrefix = "X-Remote-Extra-";

bool startsNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && net::equalNoCase(text.substr(0, prefix.size()), prefix);
}

/// Only we say these, of a caller whom we know.
bool isOfIdentity(std::string_view name) {
  for (std::string_view own :
       {"Authorization", "X-Remote-User", "X-Remote-Uid", "X-Remote-Group"}) {
    if (net::equalNoCase(name, own)) return true;
  }
  return startsNoCase(name, kExtraPrefix) || startsNoCase(name, "Impersonate-");
}

bool isToken(char c) {
  constexpr std::string_view kMarks = "!#$&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

std::string escapedKey(std::string_view key) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : key) {
    if (isToken(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

Status addValue(net::Headers& headers, std::string name, const std::string& value) {
  const bool plain = std::ranges::all_of(value, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
  if (!plain) return serviceUnavailable("the user cannot be named in a header");
  headers.add(std::move(name), value);
  return {};
}

/// Streams, and watches.
bool lasts(const Exchange& exchange) {
  return exchange.info.verb == "watch" || !holdsSeats(exchange.info) ||
         asksForUpgrade(exchange.request);
}

Task<Status> forwardNow(Exchange& exchange, ProxyTarget target) {
  Status status = co_await proxyRequest(exchange, std::move(target));
  if (status.ok() || exchange.response.started()) co_return status;
  co_return co_await answerUnavailable(exchange, status.message());
}

}  // namespace

Status setIdentity(net::Headers& headers, const UserInfo& user) {
  net::Headers kept;
  for (const auto& [name, value] : headers) {
    if (!isOfIdentity(name)) kept.add(name, value);
  }
  TRY_STATUS(addValue(kept, "X-Remote-User", user.name));
  if (!user.uid.empty()) TRY_STATUS(addValue(kept, "X-Remote-Uid", user.uid));
  for (const auto& group : user.groups) TRY_STATUS(addValue(kept, "X-Remote-Group", group));
  for (const auto& [key, values] : user.extra) {
    const auto name = std::string(kExtraPrefix) + escapedKey(key);
    for (const auto& value : values) TRY_STATUS(addValue(kept, name, value));
  }
  headers = std::move(kept);
  return {};
}

bool isPlainPath(std::string_view path) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  while (true) {
    const auto end = path.find('/');
    auto segment = net::percentDecode(path.substr(0, end), false);
    if (!segment.ok() || *segment == "." || *segment == "..") return false;
    if (segment->find('/') != std::string::npos) return false;
    if (end == std::string_view::npos) return true;
    if (segment->empty()) return false;
    path.remove_prefix(end + 1);
  }
}

Task<Status> answerUnavailable(Exchange& exchange, std::string text) {
  exchange.seats.release();
  exchange.code = 503;
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"},
                       {"Cache-Control", "no-cache, private"},
                       {"X-Content-Type-Options", "nosniff"}};
  co_return co_await exchange.response.respond(503, std::move(headers), text + "\n");
}

Task<Status> forward(Exchange& exchange, std::shared_ptr<net::HttpClient> connection) {
  auto& request = exchange.request;
  if (!isPlainPath(request.path)) co_return badRequest("this path has two meanings");
  Status named = setIdentity(request.headers, exchange.user);
  if (!named.ok()) co_return co_await answerUnavailable(exchange, named.message());
  ProxyTarget target;
  target.client = std::move(connection);
  target.target = request.path;
  if (!request.query.empty()) target.target += "?" + request.query;
  target.userHeaders = true;
  if (lasts(exchange)) {
    exchange.seats.release();
    co_return co_await forwardNow(exchange, std::move(target));
  }
  const auto stop = request.stop;
  Deadline deadline(kRequestMax, stop);
  request.stop = deadline.token();
  Status status = co_await forwardNow(exchange, std::move(target));
  request.stop = stop;
  co_return status;
}

}  // namespace coxswain::apiserver
