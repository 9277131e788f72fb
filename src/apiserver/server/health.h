#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metric_sink.h"

namespace coxswain::apiserver {

/// /healthz, /livez and /readyz: checks by name, all or one at a time. One executor.
/// Upstream: staging/src/k8s.io/apiserver/pkg/server/healthz.
class Health {
 public:
  using Check = std::function<bool()>;
  /// `readyOnly`: of /readyz alone. Asked in the order in which they were added.
  void add(std::string name, bool readyOnly, Check healthy);

  struct Answer {
    int code = 200;
    std::string text;
  };
  /// `path`: "/readyz", "/livez/ping".
  Answer answer(std::string_view path, std::vector<std::string> excluded, bool verbose);
  /// kubernetes_healthcheck (asked now) and kubernetes_healthchecks_total (of those asked so far).
  void collect(MetricSink& sink) const;

 private:
  static constexpr std::array<std::string_view, 3> kRoots = {"healthz", "livez", "readyz"};
  struct Named {
    std::string name;
    bool readyOnly = false;
    Check healthy;
    std::array<uint64_t, 3> good = {};  ///< by root
    std::array<uint64_t, 3> bad = {};
  };
  static bool ask(Named& check, size_t root);
  std::vector<Named> checks_;
};

}  // namespace coxswain::apiserver
