#include "apiserver/server/metrics.h"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <unordered_map>

#include "apiserver/server/exchange.h"

namespace coxswain::apiserver {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kDurations = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8,
                                                1,     1.25,  1.5,  2,   3,   4,   5,   6,
                                                8,     10,    15,   20,  30,  45,  60};

/// Bound on label sets that requests can make.
constexpr size_t kSeriesMax = 10000;

std::string upper(std::string_view text) {
  std::string out;
  for (char c : text) out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  return out;
}

/// As upstream names verbs in its metrics.
std::string metricVerb(const Exchange& exchange) {
  const auto& verb = exchange.info.verb;
  if (!exchange.info.isResource) return upper(exchange.request.method);
  if (verb == "create") return "POST";
  if (verb == "update") return "PUT";
  return upper(verb);
}

std::string_view scopeOf(const RequestInfo& info) {
  if (!info.name.empty()) return "resource";
  return info.ns.empty() ? "cluster" : "namespace";
}

struct ProcessUse {
  double cpuSeconds = 0;
  double residentBytes = 0;
  double virtualBytes = 0;
  double openFiles = 0;
};

ProcessUse processUse() {
  ProcessUse use;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  use.cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  if (statm >> pages >> resident) {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    use.virtualBytes = pages * page;
    use.residentBytes = resident * page;
  }
  if (auto* folder = opendir("/proc/self/fd")) {
    while (readdir(folder)) ++use.openFiles;
    closedir(folder);
    use.openFiles -= 3;  // ".", ".." and the folder itself
  }
  return use;
}

}  // namespace

struct ServerMetrics::Series {
  struct Request {
    Counter* total;
    Histogram* duration;
  };
  struct Watches {
    Gauge* running;
    Counter* events;
  };

  explicit Series(const std::string& version);

  prometheus::Registry registry;
  Family<Counter>& requests;
  Family<Histogram>& durations;
  Family<Gauge>& inflight;
  Family<Gauge>& longRunning;
  Family<Counter>& watchEvents;
  Family<Gauge>& storageObjects;
  Family<Gauge>& resourceObjects;
  Family<Counter>& processCpu;
  Family<Gauge>& processResident;
  Family<Gauge>& processVirtual;
  Family<Gauge>& processFiles;

  Gauge& reading;
  Gauge& mutating;
  Counter& cpu;
  Gauge& resident;
  Gauge& virtualMemory;
  Gauge& files;
  std::unordered_map<std::string, Request> byRequest;
  std::unordered_map<const Resource*, Watches> byWatch;

 private:
  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
};

ServerMetrics::Series::Series(const std::string& version)
    : requests(counter("apiserver_request_total", "Requests by verb, resource and code")),
      durations(prometheus::BuildHistogram()
                    .Name("apiserver_request_duration_seconds")
                    .Help("Time from a request to its answer, watches left out")
                    .Register(registry)),
      inflight(gauge("apiserver_current_inflight_requests", "Requests being served")),
      longRunning(gauge("apiserver_longrunning_requests", "Watches that are open")),
      watchEvents(counter("apiserver_watch_events_total", "Events sent to watches")),
      storageObjects(gauge("apiserver_storage_objects", "Objects in the store")),
      resourceObjects(gauge("apiserver_resource_objects", "Objects in the store")),
      processCpu(counter("process_cpu_seconds_total", "User and system CPU time")),
      processResident(gauge("process_resident_memory_bytes", "Resident memory")),
      processVirtual(gauge("process_virtual_memory_bytes", "Virtual memory")),
      processFiles(gauge("process_open_fds", "Open file descriptors")),
      reading(inflight.Add({{"request_kind", "readOnly"}})),
      mutating(inflight.Add({{"request_kind", "mutating"}})),
      cpu(processCpu.Add({})),
      resident(processResident.Add({})),
      virtualMemory(processVirtual.Add({})),
      files(processFiles.Add({})) {
  gauge("kubernetes_build_info", "Which build this is")
      .Add({{"major", "1"}, {"minor", "36"}, {"git_version", "v1.36.2+coxswain" + version}})
      .Set(1);
}

ServerMetrics::ServerMetrics(const std::string& version)
    : series_(std::make_unique<Series>(version)) {}
ServerMetrics::~ServerMetrics() = default;

ServerMetrics::Measured ServerMetrics::begin(MonotonicTime now) {
  series_->reading.Increment();
  return {now};
}

void ServerMetrics::end(const Measured& measured, const Exchange& exchange, int code,
                        MonotonicTime now) {
  series_->reading.Decrement();
  const auto& info = exchange.info;
  const auto* resource = exchange.resource;
  std::string key = info.verb;
  key.append("|").append(resource ? resource->group : "").append("|");
  key.append(resource ? resource->plural : "").append("|").append(info.subresource).append("|");
  key.append(scopeOf(info)).append("|").append(std::to_string(code));
  auto found = series_->byRequest.find(key);
  if (found == series_->byRequest.end()) {
    if (series_->byRequest.size() >= kSeriesMax) return;
    prometheus::Labels labels = {
        {"verb", metricVerb(exchange)},
        {"group", resource ? std::string(resource->group) : ""},
        {"version", resource ? std::string(resource->version) : ""},
        {"resource", resource ? std::string(resource->plural) : ""},
        {"subresource", resource ? info.subresource : ""},
        {"scope", resource ? std::string(scopeOf(info)) : ""},
        {"component", "apiserver"},
        {"dry_run", exchange.dryRun ? "All" : ""},
    };
    auto& duration = series_->durations.Add(labels, kDurations);
    labels.emplace("code", std::to_string(code));
    found = series_->byRequest
                .emplace(std::move(key), Series::Request{&series_->requests.Add(labels), &duration})
                .first;
  }
  found->second.total->Increment();
  if (info.verb != "watch") {
    found->second.duration->Observe(std::chrono::duration<double>(now - measured.start).count());
  }
}

ServerMetrics::Watching ServerMetrics::beginWatch(const Resource& resource) {
  return {*series_, resource};
}

ServerMetrics::Watching::Watching(Series& series, const Resource& resource) : series_(&series) {
  auto& watches = series.byWatch[&resource];
  if (!watches.running) {
    const prometheus::Labels labels = {{"group", std::string(resource.group)},
                                       {"version", std::string(resource.version)},
                                       {"resource", std::string(resource.plural)}};
    auto running = labels;
    running.emplace("verb", "WATCH");
    watches.running = &series.longRunning.Add(running);
    watches.events = &series.watchEvents.Add(labels);
  }
  watches.running->Increment();
  counters_ = &watches;
}

ServerMetrics::Watching::~Watching() {
  if (series_) static_cast<Series::Watches*>(counters_)->running->Decrement();
}

void ServerMetrics::Watching::event() {
  static_cast<Series::Watches*>(counters_)->events->Increment();
}

void ServerMetrics::setObjects(const Resource& resource, int64_t count) {
  series_->storageObjects.Add({{"resource", resource.qualifiedName()}})
      .Set(static_cast<double>(count));
  series_->resourceObjects
      .Add({{"group", std::string(resource.group)}, {"resource", std::string(resource.plural)}})
      .Set(static_cast<double>(count));
}

std::string ServerMetrics::text() const {
  const auto use = processUse();
  series_->cpu.Increment(use.cpuSeconds - series_->cpu.Value());
  series_->resident.Set(use.residentBytes);
  series_->virtualMemory.Set(use.virtualBytes);
  series_->files.Set(use.openFiles);
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

}  // namespace coxswain::apiserver
