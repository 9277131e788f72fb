#pragma once

#include <array>
#include <string_view>

#include "base/histogram.h"
#include "base/time.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// In seconds; those of upstream's etcd_request_duration_seconds.
inline constexpr std::array<double, 23> kStoreSecondsBounds = {
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
    3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};

/// How long the store took for the writes of one collection. One executor.
class WriteLatencies {
 public:
  using Seconds = Histogram<kStoreSecondsBounds>;
  enum class Kind : uint8_t { Create, Update, Delete };
  static constexpr std::array<std::string_view, 3> kNames = {"create", "update", "delete"};

  static Kind kindOf(const storage::WriteRequest& request) {
    if (request.operations.empty()) return Kind::Update;
    if (request.operations.front().type == storage::Operation::Type::Delete) return Kind::Delete;
    const bool fresh = !request.compares.empty() && request.compares.front().modRevision == 0;
    return fresh ? Kind::Create : Kind::Update;
  }
  void observe(Kind kind, Duration took) {
    all_[static_cast<size_t>(kind)].observe(std::chrono::duration<double>(took).count());
  }
  [[nodiscard]] const std::array<Seconds, 3>& all() const { return all_; }

 private:
  std::array<Seconds, 3> all_;
};

}  // namespace coxswain::apiserver
