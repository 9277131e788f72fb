#include <fmt/format.h>

#include <functional>
#include <iterator>

#include "kubelet/stats/node_stats.h"

namespace coxswain::kubelet {
namespace {

int64_t millis(WallTime when) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// A figure and when it was read.
struct Sample {
  double value = 0;
  int64_t millis = 0;
};
using Figure = std::function<std::optional<Sample>(const ContainerReading&)>;

std::optional<Sample> cpuOf(const ContainerReading& container) {
  const auto& cpu = container.stats.cpu;
  if (!cpu || !cpu->usageCoreNanoSeconds) return std::nullopt;
  return Sample{static_cast<double>(cpu->usageCoreNanoSeconds->value) / 1e9,
                cpu->timestamp / 1'000'000};
}

std::optional<Sample> memoryOf(const ContainerReading& container) {
  const auto& memory = container.stats.memory;
  if (!memory || !memory->workingSetBytes) return std::nullopt;
  return Sample{static_cast<double>(memory->workingSetBytes->value), memory->timestamp / 1'000'000};
}

std::optional<Sample> startOf(const ContainerReading& container) {
  if (container.startedAt == WallTime()) return std::nullopt;
  return Sample{seconds(container.startedAt.time_since_epoch()), 0};
}

class Text {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  void line(const std::string& labels, const Sample& sample) {
    fmt::format_to(std::back_inserter(text_), "{}{} {}", name_, labels, sample.value);
    if (sample.millis > 0) fmt::format_to(std::back_inserter(text_), " {}", sample.millis);
    text_ += '\n';
  }
  void containers(const NodeReading& node, const Figure& figure) {
    for (const auto& pod : node.pods) {
      for (const auto& one : pod.containers) {
        const auto sample = figure(one);
        if (!sample) continue;
        line(fmt::format("{{container=\"{}\",namespace=\"{}\",pod=\"{}\"}}", one.name, pod.ns,
                         pod.name),
             *sample);
      }
    }
  }
  /// The sum of a pod's containers.
  void pods(const NodeReading& node, const Figure& figure) {
    for (const auto& pod : node.pods) {
      Sample sum;
      for (const auto& one : pod.containers) {
        const auto sample = figure(one);
        if (!sample) continue;
        sum.value += sample->value;
        sum.millis = std::max(sum.millis, sample->millis);
      }
      line(fmt::format("{{namespace=\"{}\",pod=\"{}\"}}", pod.ns, pod.name), sum);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace

std::string resourceMetricsText(const NodeReading& node) {
  Text out;
  out.family("container_cpu_usage_seconds_total", "counter",
             "[STABLE] CPU time a container has used, in seconds of one core");
  out.containers(node, cpuOf);
  out.family("container_memory_working_set_bytes", "gauge",
             "[STABLE] Memory of a container that cannot be reclaimed, in bytes");
  out.containers(node, memoryOf);
  out.family("container_start_time_seconds", "gauge",
             "[STABLE] When a container started, in seconds since 1970");
  out.containers(node, startOf);
  if (node.cpu) {
    out.family("node_cpu_usage_seconds_total", "counter",
               "[STABLE] CPU time this machine has used, in seconds of one core");
    out.line("", {seconds(*node.cpu), millis(node.when)});
  }
  if (node.memory) {
    out.family("node_memory_working_set_bytes", "gauge",
               "[STABLE] Memory of this machine that cannot be reclaimed, in bytes");
    out.line("", {static_cast<double>(node.memory->workingSetBytes), millis(node.when)});
  }
  out.family("pod_cpu_usage_seconds_total", "counter",
             "[STABLE] CPU time a pod has used, in seconds of one core");
  out.pods(node, cpuOf);
  out.family("pod_memory_working_set_bytes", "gauge",
             "[STABLE] Memory of a pod that cannot be reclaimed, in bytes");
  out.pods(node, memoryOf);
  out.family("resource_scrape_error", "gauge", "[STABLE] 1 if the runtime could not be read");
  out.line("", {0, 0});
  return out.take();
}

}  // namespace coxswain::kubelet
