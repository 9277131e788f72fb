#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/flowcontrol_v1.h"
#include "base/histogram.h"

namespace coxswain::apiserver::flow {

/// What classification looks at of a request. Views into it.
struct RequestDigest {
  std::string_view user;
  std::span<const std::string> groups;
  bool isResource = false;
  std::string_view verb;
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::string_view ns;
  std::string_view path;  ///< where it is no resource
};

/// Why a request got no seat, as metrics name it.
enum class Refusal : uint8_t { QueueFull, ConcurrencyLimit, TimeOut, Cancelled };
inline constexpr std::array<std::string_view, 4> kRefusals = {"queue-full", "concurrency-limit",
                                                              "time-out", "cancelled"};

/// Upper bounds of the buckets of waits and executions, in seconds; upstream's.
inline constexpr std::array<double, 13> kSecondsBounds = {0,   0.005, 0.02, 0.05, 0.1,  0.2, 0.5,
                                                          1.0, 2.0,   5.0,  10.0, 15.0, 30.0};

using Seconds = Histogram<kSecondsBounds>;

/// What happened to the requests of one schema. Goes on when the schema changes.
struct FlowStats {
  std::string schema;
  std::string level;
  uint64_t dispatched = 0;
  std::array<uint64_t, kRefusals.size()> refused = {};
  int64_t waiting = 0;
  int64_t executing = 0;
  int64_t executingSeats = 0;
  Seconds waitOfExecuted;
  Seconds waitOfRefused;
  Seconds execution;
};

class Level;

/// A flow schema, ready to match. Immutable but for its figures.
struct Schema {
  std::shared_ptr<const api::flowcontrol::v1::FlowSchema> object;
  enum class By : uint8_t { Nothing, User, Namespace } by = By::Nothing;
  Level* level = nullptr;  ///< lives as long as requests hold seats of it
  std::string levelUid;
  std::shared_ptr<FlowStats> stats;
};

/// Does one of the schema's rules name this request? Upstream's rules: a rule needs one of its
/// subjects and one of its resource or path rules.
bool matches(const api::flowcontrol::v1::FlowSchema& schema, const RequestDigest& request);

/// Requests that should share fairly: schema and user or namespace, as a number.
uint64_t flowHash(const Schema& schema, const RequestDigest& request);

/// Deals `handSize` different numbers below `deckSize`, which `hash` decides, into `hand`.
/// `hand` has room for handSize. 0 < handSize <= deckSize.
void dealHand(uint64_t hash, uint32_t deckSize, std::span<uint32_t> hand);

}  // namespace coxswain::apiserver::flow
