#pragma once

#include <memory>
#include <string>
#include <utility>

#include "apiserver/registry/resources.h"
#include "base/time.h"

namespace coxswain::apiserver {

struct Exchange;

/// The server's metrics, with upstream's names and labels. One executor.
class ServerMetrics {
  struct Series;

 public:
  explicit ServerMetrics(const std::string& version);
  ~ServerMetrics();

  /// A request has come; goes with `end`.
  struct Measured {
    MonotonicTime start;
  };
  Measured begin(MonotonicTime now);
  void end(const Measured& measured, const Exchange& exchange, int code, MonotonicTime now);

  /// A watch while it lasts.
  class Watching {
   public:
    Watching(Series& series, const Resource& resource);
    Watching(Watching&& other) noexcept
        : series_(std::exchange(other.series_, nullptr)), counters_(other.counters_) {}
    Watching& operator=(Watching&&) = delete;
    ~Watching();
    void event();

   private:
    Series* series_;
    void* counters_;
  };
  [[nodiscard]] Watching beginWatch(const Resource& resource);

  /// Objects in the store, told when metrics are asked for.
  void setObjects(const Resource& resource, int64_t count);
  /// Prometheus' text format 0.0.4, with what the process is using.
  [[nodiscard]] std::string text() const;

 private:
  std::unique_ptr<Series> series_;
};

inline constexpr const char* kMetricsContentType =
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

}  // namespace coxswain::apiserver
