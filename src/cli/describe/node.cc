#include <algorithm>
#include <map>

#include "api/meta/quantity.h"
#include "cli/describe/describe.h"
#include "cli/framework/errors.h"
#include "cli/printers/table_printer.h"

namespace coxswain::cli {

using api::Quantity;

namespace {

using Amounts = std::map<std::string, Quantity>;

Quantity quantityOf(const json::value& value) {
  auto parsed = Quantity::parse(plainText(value));
  return parsed.ok() ? *parsed : Quantity();
}

void add(Amounts& to, const Amounts& from) {
  for (const auto& [name, amount] : from) {
    auto at = to.find(name);
    if (at == to.end()) {
      to.emplace(name, amount);
    } else {
      at->second += amount;
    }
  }
}

void raise(Amounts& to, const Amounts& from) {
  for (const auto& [name, amount] : from) {
    auto at = to.find(name);
    if (at == to.end()) {
      to.emplace(name, amount);
    } else if (at->second < amount) {
      at->second = amount;
    }
  }
}

Amounts amountsOf(const json::value& container, const char* which) {
  Amounts out;
  for (const auto& [name, value] : objectAt(container, {"resources", which})) {
    out.emplace(std::string(name.data(), name.size()), quantityOf(value));
  }
  return out;
}

/// As the scheduler counts: containers and sidecars together, or the largest init container.
Amounts podAmounts(const json::value& pod, const char* which) {
  Amounts running;
  for (const auto& container : arrayAt(pod, {"spec", "containers"})) {
    add(running, amountsOf(container, which));
  }
  Amounts sidecars;
  Amounts largest;
  for (const auto& container : arrayAt(pod, {"spec", "initContainers"})) {
    auto amounts = amountsOf(container, which);
    if (textAt(container, {"restartPolicy"}) == "Always") {
      add(running, amounts);
      add(sidecars, amounts);
      raise(largest, sidecars);
    } else {
      add(amounts, sidecars);
      raise(largest, amounts);
    }
  }
  raise(running, largest);
  return running;
}

std::string textOf(const Amounts& amounts, const std::string& name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? "0" : found->second.str();
}

int64_t percent(const Amounts& part, const Amounts& whole, const std::string& name) {
  auto a = part.find(name);
  auto b = whole.find(name);
  if (a == part.end() || b == whole.end()) return 0;
  const auto all = b->second.milliValue();
  return all == 0 ? 0
                  : static_cast<int64_t>(static_cast<double>(a->second.milliValue()) /
                                         static_cast<double>(all) * 100);
}

std::string share(const Amounts& part, const Amounts& whole, const std::string& name) {
  return textOf(part, name) + " (" + std::to_string(percent(part, whole, name)) + "%)";
}

void taintLines(const json::value& node, DescribeWriter& out) {
  std::vector<std::string> taints;
  for (const auto& taint : arrayAt(node, {"spec", "taints"})) {
    auto value = textAt(taint, {"value"});
    taints.push_back(textAt(taint, {"key"}) + (value.empty() ? "" : "=" + value) + ":" +
                     textAt(taint, {"effect"}));
  }
  std::ranges::sort(taints);
  if (taints.empty()) return out.field(0, "Taints", "<none>");
  bool first = true;
  for (const auto& taint : taints) {
    out.line(0, (first ? "Taints:\t" : "\t") + taint);
    first = false;
  }
}

Task<void> leaseLines(DescribeContext& context, const json::value& node, DescribeWriter& out) {
  ObjectListOptions options;
  options.fieldSelector = "metadata.name=" + nameOf(node);
  auto leases = co_await context.list("leases.coordination.k8s.io", "kube-node-lease", options);
  if (leases.empty()) {
    out.line(0, "Lease:\tFailed to get lease: leases.coordination.k8s.io \"" + nameOf(node) +
                    "\" not found");
    co_return;
  }
  const auto time = [&](const char* member) {
    auto text = textAt(leases[0], {"spec", member});
    return text.empty() ? std::string("<unset>") : longTime(text);
  };
  auto holder = textAt(leases[0], {"spec", "holderIdentity"});
  out.line(0, "Lease:");
  out.field(1, "HolderIdentity", holder.empty() ? "<unset>" : holder);
  out.field(1, "AcquireTime", time("acquireTime"));
  out.field(1, "RenewTime", time("renewTime"));
}

void statusLines(const json::value& node, DescribeWriter& out) {
  const auto& conditions = arrayAt(node, {"status", "conditions"});
  if (!conditions.empty()) {
    out.line(0,
             "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    out.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for (const auto& condition : conditions) {
      out.line(1, textAt(condition, {"type"}) + " \t" + textAt(condition, {"status"}) + " \t" +
                      longTime(textAt(condition, {"lastHeartbeatTime"})) + " \t" +
                      longTime(textAt(condition, {"lastTransitionTime"})) + " \t" +
                      textAt(condition, {"reason"}) + " \t" + textAt(condition, {"message"}));
    }
  }
  out.line(0, "Addresses:");
  for (const auto& address : arrayAt(node, {"status", "addresses"})) {
    out.field(1, textAt(address, {"type"}), textAt(address, {"address"}));
  }
  for (auto [member, label] :
       {std::pair("capacity", "Capacity:"), std::pair("allocatable", "Allocatable:")}) {
    auto amounts = stringsAt(node, {"status", member});
    if (amounts.empty()) continue;
    out.line(0, label);
    for (const auto& [name, amount] : amounts) out.field(1, name, amount);
  }
  out.line(0, "System Info:");
  for (auto [member, label] :
       {std::pair("machineID", "Machine ID"), std::pair("systemUUID", "System UUID"),
        std::pair("bootID", "Boot ID"), std::pair("kernelVersion", "Kernel Version"),
        std::pair("osImage", "OS Image"), std::pair("operatingSystem", "Operating System"),
        std::pair("architecture", "Architecture"),
        std::pair("containerRuntimeVersion", "Container Runtime Version"),
        std::pair("kubeletVersion", "Kubelet Version")}) {
    out.field(1, label, textAt(node, {"status", "nodeInfo", member}));
  }
  auto cidr = textAt(node, {"spec", "podCIDR"});
  if (!cidr.empty()) {
    out.field(0, "PodCIDR", cidr);
    std::vector<std::string> all;
    for (const auto& one : arrayAt(node, {"spec", "podCIDRs"})) all.push_back(plainText(one));
    out.field(0, "PodCIDRs", joined(all, ","));
  }
  auto provider = textAt(node, {"spec", "providerID"});
  if (!provider.empty()) out.field(0, "ProviderID", provider);
}

Task<void> podLines(DescribeContext& context, const json::value& node, DescribeWriter& out) {
  ObjectListOptions options;
  options.fieldSelector =
      "spec.nodeName=" + nameOf(node) + ",status.phase!=Failed,status.phase!=Succeeded";
  auto pods = co_await context.list("pods.v1.", "", options);
  Amounts allocatable;
  const auto& source = at(node, {"status", "allocatable"})
                           ? objectAt(node, {"status", "allocatable"})
                           : objectAt(node, {"status", "capacity"});
  for (const auto& [name, value] : source) {
    allocatable.emplace(std::string(name.data(), name.size()), quantityOf(value));
  }
  out.line(0, "Non-terminated Pods:\t(" + std::to_string(pods.size()) + " in total)");
  out.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
  out.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
  Amounts requests;
  Amounts limits;
  for (const auto& pod : pods) {
    auto asks = podAmounts(pod, "requests");
    auto bounds = podAmounts(pod, "limits");
    out.line(1, namespaceOf(pod) + "\t" + nameOf(pod) + "\t\t" + share(asks, allocatable, "cpu") +
                    "\t" + share(bounds, allocatable, "cpu") + "\t" +
                    share(asks, allocatable, "memory") + "\t" +
                    share(bounds, allocatable, "memory") + "\t" +
                    ageOf(textAt(pod, {"metadata", "creationTimestamp"}), context.now));
    add(requests, asks);
    add(limits, bounds);
  }
  out.line(0,
           "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
  out.line(1, "Resource\tRequests\tLimits");
  out.line(1, "--------\t--------\t------");
  for (const char* name : {"cpu", "memory", "ephemeral-storage"}) {
    out.line(1, std::string(name) + "\t" + share(requests, allocatable, name) + "\t" +
                    share(limits, allocatable, name));
  }
  for (const auto& [name, amount] : allocatable) {
    if (name == "cpu" || name == "memory" || name == "ephemeral-storage" || name == "pods")
      continue;
    if (name.starts_with("hugepages-")) {
      out.line(1, name + "\t" + share(requests, allocatable, name) + "\t" +
                      share(limits, allocatable, name));
    } else {
      out.line(1, name + "\t" + textOf(requests, name) + "\t" + textOf(limits, name));
    }
  }
}

}  // namespace

Task<void> describeNode(DescribeContext& context, const json::value& node, DescribeWriter& out) {
  out.field(0, "Name", nameOf(node));
  std::vector<std::string> roles;
  for (const auto& [name, value] : stringsAt(node, {"metadata", "labels"})) {
    constexpr std::string_view kRole = "node-role.kubernetes.io/";
    if (name.starts_with(kRole) && name.size() > kRole.size()) {
      roles.push_back(name.substr(kRole.size()));
    } else if (name == "kubernetes.io/role" && !value.empty()) {
      roles.push_back(value);
    }
  }
  out.field(0, "Roles", noneIfEmpty(joined(roles, ",")));
  out.pairs("Labels", stringsAt(node, {"metadata", "labels"}));
  out.annotations(node);
  out.field(0, "CreationTimestamp", longTime(textAt(node, {"metadata", "creationTimestamp"})));
  taintLines(node, out);
  out.field(0, "Unschedulable", boolAt(node, {"spec", "unschedulable"}) ? "true" : "false");
  co_await leaseLines(context, node, out);
  statusLines(node, out);
  co_await podLines(context, node, out);
}

}  // namespace coxswain::cli
