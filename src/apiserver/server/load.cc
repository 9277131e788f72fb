#include "apiserver/server/load.h"

#include <algorithm>
#include <charconv>

#include "apiserver/authz/authorizer.h"
#include "apiserver/generic/generic_registry.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kBodyBytesMax = 3145728;
constexpr int32_t kRetryAfterSeconds = 1;

constexpr int64_t kSeatsMax = 10;
constexpr int64_t kObjectsPerSeat = 100;
/// An event to a thousand watchers costs us about what a write does (docs/status.md).
constexpr int64_t kWatchersPerSeat = 1000;

/// A body is there as text and as the object that is made of it.
constexpr size_t kBytesOfDecoded = 2;
/// Stored bytes become JSON of up to about three times the size.
constexpr size_t kBytesOfListed = 3;

Status tooMuch(const char* what) {
  return tooManyRequests(
      "The server has too many " + std::string(what) + " in memory, please try again later.",
      kRetryAfterSeconds);
}

uint32_t clampSeats(int64_t seats) {
  return static_cast<uint32_t>(std::clamp<int64_t>(seats, 1, kSeatsMax));
}

uint64_t nextBits(uint64_t& state) {
  uint64_t x = state += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::string makeAuditId(uint64_t& state) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  uint64_t bits = 0;
  int left = 0;
  for (auto& c : text) {
    if (c != 'x' && c != 'y') continue;
    if (left == 0) {
      bits = nextBits(state);
      left = 16;
    }
    const auto digit = bits & 15U;
    c = kDigits[c == 'y' ? 8U + (digit & 3U) : digit];
    bits >>= 4U;
    --left;
  }
  return text;
}

bool holdsSeats(const RequestInfo& info) {
  if (!info.isResource || info.subresource.empty()) return true;
  for (std::string_view stream : {"attach", "exec", "log", "portforward", "proxy"}) {
    if (info.subresource == stream) return false;
  }
  return true;
}

flow::RequestDigest digestOf(const Exchange& exchange) {
  const auto& info = exchange.info;
  flow::RequestDigest digest;
  digest.user = exchange.user.name;
  digest.groups = exchange.user.groups;
  digest.isResource = info.isResource;
  digest.verb = info.verb;
  digest.group = info.group;
  digest.resource = info.resource;
  digest.subresource = info.subresource;
  digest.ns = Attributes{exchange.user, info}.ns();
  digest.path = info.path;
  return digest;
}

uint32_t seatsOf(const Exchange& exchange, const GenericRegistry* registry) {
  if (!registry) return 1;
  const auto& info = exchange.info;
  const auto stats = registry->cache().watches().stats();
  const bool reads = info.verb == "list" || info.verb == "watch";
  if (!reads) return clampSeats(1 + stats.watchers / kWatchersPerSeat);
  const auto& query = exchange.query;
  // One object, by its name.
  if (!info.name.empty() || query.get("fieldSelector").starts_with("metadata.name=")) return 1;
  // A watch that only goes on from where it was has nothing to list.
  if (info.verb == "watch" && !query.flag("sendInitialEvents") &&
      !query.get("resourceVersion").empty() && query.get("resourceVersion") != "0") {
    return 1;
  }
  int64_t objects = stats.entries;
  const auto limit = query.get("limit");
  int64_t most = 0;
  std::from_chars(limit.data(), limit.data() + limit.size(), most);
  const bool all = query.get("labelSelector").empty() && query.get("fieldSelector").empty();
  if (most > 0 && all) objects = std::min(objects, most);
  return clampSeats((objects + kObjectsPerSeat - 1) / kObjectsPerSeat);
}

namespace {

/// `weight`: how many times its size a body takes.
Task<Result<std::string>> readWithin(Exchange& exchange, size_t bytesMax, size_t weight) {
  auto& budget = exchange.budgets->bodies;
  const auto& request = exchange.request;
  // What is announced is claimed at once: nothing is read in vain.
  const auto announced = request.headers.get("Content-Length");
  size_t length = 0;
  std::from_chars(announced.data(), announced.data() + announced.size(), length);
  length = std::min(length, bytesMax);
  if (length > 0 && !exchange.bodyBytes.raiseTo(budget, length * weight)) {
    co_return tooMuch("request bodies");
  }
  std::optional<Deadline> deadline;
  std::string body;
  while (true) {
    if (!deadline && !request.bodyArrived) {
      deadline.emplace(exchange.budgets->requestTimeout, request.stop);
    }
    auto piece = co_await request.body->read(deadline ? deadline->token() : request.stop);
    if (!piece.ok()) {
      if (deadline && deadline->expired()) {
        co_return timeoutError("Timeout: request did not complete within the allotted timeout");
      }
      if (piece.status().reason() != Reason::RequestEntityTooLarge) co_return piece.status();
    }
    if (!piece.ok() || piece->size() > bytesMax - body.size()) {
      co_return requestEntityTooLarge("Request entity too large: limit is " +
                                      std::to_string(bytesMax));
    }
    if (piece->empty()) co_return std::move(body);
    if (!exchange.bodyBytes.raiseTo(budget, (body.size() + piece->size()) * weight)) {
      co_return tooMuch("request bodies");
    }
    if (body.empty()) {
      body = std::move(*piece);
    } else {
      body += *piece;
    }
  }
}

}  // namespace

Task<Result<std::string>> readBody(Exchange& exchange) {
  CO_TRY(auto body, co_await readWithin(exchange, kBodyBytesMax, kBytesOfDecoded));
  if (exchange.audit && exchange.audit->wantsRequest()) exchange.trail->body = body;
  co_return std::move(body);
}

Task<Result<std::string>> readRawBody(Exchange& exchange, size_t bytesMax) {
  co_return co_await readWithin(exchange, bytesMax, 1);
}

Status claimList(Exchange& exchange, const ListAnswer& answer) {
  size_t bytes = 0;
  for (const auto& item : answer.items) bytes += item.storedBytes();
  if (exchange.answerBytes.raiseTo(exchange.budgets->lists, bytes * kBytesOfListed)) return {};
  return tooMuch("lists");
}

void settleList(Exchange& exchange, size_t bytes) {
  // HTTP/2 keeps a copy for its windows.
  exchange.answerBytes.settle(exchange.request.majorVersion < 2 ? bytes : bytes * 2);
}

}  // namespace coxswain::apiserver
