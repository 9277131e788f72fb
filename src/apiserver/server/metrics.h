#pragma once

#include <memory>
#include <string>
#include <utility>

#include "apiserver/registry/resources.h"
#include "base/metric_sink.h"
#include "base/time.h"

namespace coxswain::apiserver {

struct Exchange;

/// The server's metrics, with upstream's names and labels. One executor.
class ServerMetrics {
  struct Series;
  struct Watches;

 public:
  explicit ServerMetrics(const std::string& version);
  ~ServerMetrics();

  /// A request has ended that came at `start` and was answered with `code` and so many bytes.
  /// Costs no allocation but for the first of its kind.
  void count(const Exchange& exchange, int code, size_t bytes, MonotonicTime start,
             MonotonicTime now);
  /// What of it is known at its beginning, of one that lasts: the watch counts the rest.
  void countUser(const Exchange& exchange, int code);
  /// A request of a client within this process.
  void countOwn(std::string_view group, std::string_view resource, std::string_view verb, int code);

  /// What a watch looks at; Own: it is of a client within this process, and no request.
  enum class Scope : uint8_t { Cluster, Namespace, Resource, Own };
  static Scope scopeOf(std::string_view ns, std::string_view name);

  /// A watch while it lasts; counts the request at its end.
  class Watching {
   public:
    Watching(std::shared_ptr<Watches> watches, Scope scope);
    Watching(Watching&& other) noexcept = default;
    Watching& operator=(Watching&&) = delete;
    ~Watching();
    void event();
    /// One of those that were there when it began.
    void initialEvent();

   private:
    std::shared_ptr<Watches> watches_;  // some end after the server
    Scope scope_;
  };
  [[nodiscard]] Watching beginWatch(const Resource& resource, Scope scope);

  /// Is asked at each `text`.
  void addSource(MetricSource source);
  /// Prometheus' text format 0.0.4, with what the process is using.
  [[nodiscard]] std::string text() const;

 private:
  std::unique_ptr<Series> series_;
};

/// Figures of `source` alone, in the same format.
std::string metricsText(const MetricSource& source);

inline constexpr const char* kMetricsContentType =
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

}  // namespace coxswain::apiserver
