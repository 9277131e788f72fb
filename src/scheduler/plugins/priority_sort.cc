#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Higher priority first, then who came first.
class PrioritySort final : public Plugin, public QueueSortPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "PrioritySort"; }
  [[nodiscard]] bool less(const PodInfo& a, MonotonicTime queuedA, const PodInfo& b,
                          MonotonicTime queuedB) const override {
    return a.priority != b.priority ? a.priority > b.priority : queuedA < queuedB;
  }
};

}  // namespace

std::unique_ptr<Plugin> prioritySort() {
  return std::make_unique<PrioritySort>();
}

}  // namespace coxswain::scheduler::plugins
