#include "api/gen/metrics_v1beta1.h"

#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::metrics::v1beta1;  // NOLINT

constexpr Column kColumns[] = {kName,
                               {"cpu", "string", "quantity"},
                               {"memory", "string", "quantity"},
                               {"Window", "string", "duration"}};

std::string amount(const api::Map<api::Quantity>& usage, std::string_view resource) {
  const auto* found = usage.get(resource);
  return found ? found->str() : "0";
}

void printNode(const NodeMetrics& node, Row& row) {
  row.text(node.metadata.name)
      .text(amount(node.usage, "cpu"))
      .text(amount(node.usage, "memory"))
      .text(node.window.str());
}

/// The sums over its containers.
void printPod(const PodMetrics& pod, Row& row) {
  api::Quantity cpu;
  api::Quantity memory;
  for (const auto& each : pod.containers) {
    if (const auto* used = each.usage.get("cpu")) cpu += *used;
    if (const auto* used = each.usage.get("memory")) memory += *used;
  }
  row.text(pod.metadata.name).text(cpu.str()).text(memory.str()).text(pod.window.str());
}

}  // namespace

std::span<const Printer> metricsPrinters() {
  static const Printer all[] = {
      printer<NodeMetrics, printNode>(kColumns),
      printer<PodMetrics, printPod>(kColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
