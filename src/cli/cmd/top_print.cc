#include "cli/cmd/top_print.h"

#include <algorithm>
#include <tuple>

#include "cli/printers/tab_writer.h"

namespace coxswain::cli {

using api::Quantity;
using api::metrics::v1beta1::ContainerMetrics;
using api::metrics::v1beta1::NodeMetrics;
using api::metrics::v1beta1::PodMetrics;

namespace {

using Usage = api::Map<Quantity>;

constexpr TabWriter::Options kColumns{6, 3, true};
constexpr std::string_view kUnknown = "<unknown>";
constexpr int64_t kMebibyte = 1024 * 1024;

std::vector<std::string> measured(const TopPrint& how) {
  std::vector<std::string> out = {"cpu", "memory"};
  if (how.swap) out.emplace_back("swap");
  return out;
}

Quantity amountOf(const Usage& usage, std::string_view resource) {
  const auto* found = usage.get(resource);
  return found ? *found : Quantity();
}

std::string amountText(std::string_view resource, const Quantity& amount) {
  if (resource == "cpu") return std::to_string(amount.milliValue()) + "m";
  return std::to_string(amount.value() / kMebibyte) + "Mi";
}

std::string shareText(const Quantity& amount, const Quantity& of) {
  double share = 0;
  if (!of.isZero()) {
    share = static_cast<double>(amount.milliValue()) / static_cast<double>(of.milliValue()) * 100;
  }
  return std::to_string(static_cast<int64_t>(share)) + "%";
}

Usage sumOf(const PodMetrics& pod, const std::vector<std::string>& resources) {
  Usage out;
  for (const auto& resource : resources) {
    Quantity sum;
    for (const auto& container : pod.containers) sum += amountOf(container.usage, resource);
    out[resource] = sum;
  }
  return out;
}

/// A cell each, and its tab.
void appendAmounts(std::string& line, const Usage& usage,
                   const std::vector<std::string>& resources) {
  for (const auto& resource : resources) {
    line += amountText(resource, amountOf(usage, resource)) + "\t";
  }
}

/// What comes first: by CPU, by memory, or neither.
int64_t weight(const Usage& usage, const std::string& sortBy) {
  if (sortBy == "cpu") return -amountOf(usage, "cpu").milliValue();
  if (sortBy == "memory") return -amountOf(usage, "memory").value();
  return 0;
}

void sortPods(std::vector<PodMetrics>& pods, const TopPods& what, const TopPrint& how) {
  const auto resources = measured(how);
  std::ranges::stable_sort(pods, {}, [&](const PodMetrics& pod) {
    return std::make_tuple(weight(sumOf(pod, resources), how.sortBy),
                           what.namespaces ? pod.metadata.namespace_ : std::string(),
                           pod.metadata.name);
  });
  if (!what.containers) return;
  for (auto& pod : pods) {
    std::ranges::stable_sort(pod.containers, {}, [&how](const ContainerMetrics& container) {
      return std::make_tuple(weight(container.usage, how.sortBy), container.name);
    });
  }
}

void writeSum(TabWriter& writer, const std::vector<PodMetrics>& pods, size_t width,
              const std::vector<std::string>& resources) {
  Usage total;
  for (const auto& pod : pods) {
    const auto sum = sumOf(pod, resources);
    for (const auto& resource : resources) {
      total[resource] = amountOf(total, resource) + amountOf(sum, resource);
    }
  }
  writer.write(std::string(width - 2, '\t') + "________\t________\t\n");
  std::string line(width - 3, '\t');
  line += "\t";
  appendAmounts(line, total, resources);
  writer.write(line + "\n");
}

}  // namespace

std::string printNodes(std::vector<NodeMetrics> metrics, std::map<std::string, Available> available,
                       const TopPrint& how) {
  if (metrics.empty()) return {};
  std::ranges::stable_sort(metrics, {}, [&how](const NodeMetrics& node) {
    return std::make_tuple(weight(node.usage, how.sortBy), node.metadata.name);
  });
  TabWriter writer(kColumns);
  const auto resources = measured(how);
  if (!how.noHeaders) {
    writer.write(std::string("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t") +
                 (how.swap ? "SWAP(bytes)\tSWAP(%)\t" : "") + "\n");
  }
  for (const auto& node : metrics) {
    auto line = node.metadata.name + "\t";
    const auto found = available.find(node.metadata.name);
    for (const auto& resource : resources) {
      const auto amount = amountOf(node.usage, resource);
      const bool known = found != available.end() && found->second.contains(resource);
      if (resource == "swap" && !known) {
        line.append(kUnknown).append("\t").append(kUnknown).append("\t");
        continue;
      }
      line += amountText(resource, amount) + "\t";
      if (known) line += shareText(amount, found->second.find(resource)->second) + "\t";
    }
    if (found != available.end()) available.erase(found);
    writer.write(line + "\n");
  }
  for (const auto& [name, has] : available) {
    auto line = name + "\t";
    for (size_t i = 0; i < 2 * resources.size(); ++i) line.append(kUnknown).append("\t");
    writer.write(line + "\n");
  }
  return writer.take();
}

std::string printPods(std::vector<PodMetrics> metrics, const TopPods& what, const TopPrint& how) {
  if (metrics.empty()) return {};
  const auto resources = measured(how);
  TabWriter writer(kColumns);
  size_t width = 1 + resources.size();
  if (!how.noHeaders) {
    std::string line;
    if (what.namespaces) line += "NAMESPACE\t";
    if (what.containers) line += "POD\t";
    width += (what.namespaces ? 1 : 0) + (what.containers ? 1 : 0);
    line += "NAME\tCPU(cores)\tMEMORY(bytes)\t";
    if (how.swap) line += "SWAP(bytes)\t";
    writer.write(line + "\n");
  }
  sortPods(metrics, what, how);
  for (const auto& pod : metrics) {
    const auto start = what.namespaces ? pod.metadata.namespace_ + "\t" : std::string();
    if (!what.containers) {
      auto line = start + pod.metadata.name + "\t";
      appendAmounts(line, sumOf(pod, resources), resources);
      writer.write(line + "\n");
      continue;
    }
    for (const auto& container : pod.containers) {
      auto line = start + pod.metadata.name + "\t" + container.name + "\t";
      appendAmounts(line, container.usage, resources);
      writer.write(line + "\n");
    }
  }
  if (what.sum) writeSum(writer, metrics, width, resources);
  return writer.take();
}

}  // namespace coxswain::cli
