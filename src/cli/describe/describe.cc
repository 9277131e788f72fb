#include "cli/describe/describe.h"

#include <algorithm>
#include <ctime>

#include "api/codec/value.h"
#include "api/meta/time.h"
#include "cli/framework/errors.h"
#include "cli/printers/table_printer.h"

namespace coxswain::cli {

void DescribeWriter::line(int level, std::string_view text) {
  auto whole = std::string(static_cast<size_t>(level) * 2, ' ') + std::string(text) + "\n";
  if (tabs_ == Tabs::Aligned) {
    writer_.write(whole);
  } else {
    plain_ += whole;
  }
}

void DescribeWriter::pairs(std::string_view label,
                           const std::vector<std::pair<std::string, std::string>>& pairs,
                           std::string_view separator) {
  if (pairs.empty()) return field(0, label, "<none>");
  bool first = true;
  for (const auto& [name, value] : pairs) {
    line(0, (first ? std::string(label) + ":" : "") + "\t" + name + std::string(separator) + value);
    first = false;
  }
}

void DescribeWriter::annotations(const json::value& object) {
  auto all = stringsAt(object, {"metadata", "annotations"});
  std::erase_if(all, [](const auto& pair) {
    return pair.first == "kubectl.kubernetes.io/last-applied-configuration";
  });
  if (all.empty()) return field(0, "Annotations", "<none>");
  constexpr size_t kLineMax = 140;
  bool first = true;
  for (const auto& [name, value] : all) {
    const auto start = (first ? std::string("Annotations:") : std::string()) + "\t";
    first = false;
    auto text = value;
    while (text.ends_with('\n')) text.pop_back();
    if (text.size() + name.size() + 2 <= kLineMax && text.find('\n') == std::string::npos) {
      line(0, start + name + ": " + text);
      continue;
    }
    line(0, start + name + ":");
    for (auto& piece : splitAt(text, '\n')) {
      if (piece.size() > kLineMax) piece = piece.substr(0, kLineMax) + "...";
      line(0, "\t  " + piece);
    }
  }
}

std::string noneIfEmpty(std::string text) {
  return text.empty() ? "<none>" : text;
}

std::string longTime(const std::string& timestamp) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (!api::parseRfc3339(timestamp, seconds, nanos)) return "<unknown>";
  const auto when = static_cast<time_t>(seconds);
  tm parts{};
  char text[64];
  ::localtime_r(&when, &parts);
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S %z", &parts);
  return text;
}

std::string controllerOf(const json::value& object) {
  for (const auto& owner : arrayAt(object, {"metadata", "ownerReferences"})) {
    if (boolAt(owner, {"controller"}))
      return textAt(owner, {"kind"}) + "/" + textAt(owner, {"name"});
  }
  return {};
}

std::string selectorText(const json::value* selector) {
  if (!selector || !selector->is_object()) return "<unset>";
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ",") + part; };
  if (at(*selector, {"matchLabels"}) || at(*selector, {"matchExpressions"}) ||
      selector->get_object().empty()) {
    for (const auto& [name, value] : stringsAt(*selector, {"matchLabels"})) add(name + "=" + value);
    for (const auto& expression : arrayAt(*selector, {"matchExpressions"})) {
      auto name = textAt(expression, {"key"});
      auto op = textAt(expression, {"operator"});
      std::vector<std::string> values;
      for (const auto& value : arrayAt(expression, {"values"})) values.push_back(plainText(value));
      std::ranges::sort(values);
      if (op == "Exists") {
        add(name);
      } else if (op == "DoesNotExist") {
        add("!" + name);
      } else {
        add(name + (op == "In" ? " in (" : " notin (") + joined(values, ",") + ")");
      }
    }
  } else {
    for (const auto& [name, value] : stringsAt(*selector, {})) add(name + "=" + value);
  }
  return noneIfEmpty(out);
}

void metadataLines(const json::value& object, DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  if (!namespaceOf(object).empty()) out.field(0, "Namespace", namespaceOf(object));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
}

Task<std::vector<json::value>> DescribeContext::list(std::string resource, std::string ns,
                                                     ObjectListOptions options) {
  std::vector<json::value> out;
  auto mapper = co_await session.mapper();
  if (!mapper.ok()) co_return std::move(out);
  auto found = (*mapper)->byName(resource);
  if (!found.ok()) co_return std::move(out);
  auto answer = co_await client.list(**found, ns, options);
  if (!answer.ok()) co_return std::move(out);
  for (const auto& item : arrayAt(*answer, {"items"})) out.push_back(item);
  co_return std::move(out);
}

namespace {

/// "3m" or "3m (x5 over 10m)".
std::string eventAge(const json::value& event, int64_t now) {
  auto firstSeen = textAt(event, {"firstTimestamp"});
  auto lastSeen = textAt(event, {"lastTimestamp"});
  if (firstSeen.empty()) firstSeen = textAt(event, {"eventTime"});
  auto count = integerAt(event, {"count"});
  if (const auto* series = at(event, {"series"}); series && series->is_object()) {
    lastSeen = textAt(*series, {"lastObservedTime"});
    count = integerAt(*series, {"count"});
  }
  if (count > 1) {
    return ageOf(lastSeen, now) + " (x" + std::to_string(count) + " over " + ageOf(firstSeen, now) +
           ")";
  }
  return ageOf(firstSeen, now);
}

Task<void> eventLines(DescribeContext& context, const Info& info, DescribeWriter& out) {
  ObjectListOptions options;
  options.fieldSelector = "involvedObject.kind=" + info.resource->kind +
                          ",involvedObject.uid=" + textAt(info.object, {"metadata", "uid"}) +
                          ",involvedObject.name=" + info.name;
  if (!info.ns.empty()) options.fieldSelector += ",involvedObject.namespace=" + info.ns;
  if (info.resource->kind == "Node") {
    // The kubelet's events about a node have its name as uid.
    options.fieldSelector = "involvedObject.kind=Node,involvedObject.name=" + info.name;
  }
  auto events = co_await context.list("events.v1.", info.ns, options);
  if (events.empty()) {
    out.field(0, "Events", "<none>");
    co_return;
  }
  std::ranges::stable_sort(events, {}, [](const json::value& event) {
    auto last = textAt(event, {"lastTimestamp"});
    return last.empty() ? textAt(event, {"eventTime"}) : last;
  });
  out.line(0, "Events:");
  out.line(1, "Type\tReason\tAge\tFrom\tMessage");
  out.line(1, "----\t------\t----\t----\t-------");
  for (const auto& event : events) {
    auto from = textAt(event, {"source", "component"});
    if (from.empty()) from = textAt(event, {"reportingComponent"});
    auto message = textAt(event, {"message"});
    while (message.ends_with('\n') || message.ends_with(' ')) message.pop_back();
    out.line(1, textAt(event, {"type"}) + "\t" + textAt(event, {"reason"}) + "\t" +
                    eventAge(event, context.now) + "\t" + from + "\t" + message);
  }
}

using Describer = Task<void> (*)(DescribeContext&, const json::value&, DescribeWriter&);
struct Row {
  std::string_view group;
  std::string_view kind;
  Describer describer;
  bool events;
};
constexpr Row kRows[] = {
    {"", "Pod", describePod, true},
    {"", "Node", describeNode, true},
    {"", "Service", describeService, true},
    {"", "Namespace", describeNamespace, false},
    {"", "ConfigMap", describeConfigMap, true},
    {"", "Secret", describeSecret, false},
    {"", "ServiceAccount", describeServiceAccount, true},
    {"", "ReplicationController", describeReplicaSet, true},
    {"apps", "Deployment", describeDeployment, true},
    {"apps", "ReplicaSet", describeReplicaSet, true},
    {"apps", "DaemonSet", describeWorkload, true},
    {"apps", "StatefulSet", describeWorkload, true},
    {"", "ResourceQuota", describeResourceQuota, false},
    {"rbac.authorization.k8s.io", "Role", describeRole, false},
    {"rbac.authorization.k8s.io", "ClusterRole", describeRole, false},
    {"rbac.authorization.k8s.io", "RoleBinding", describeRoleBinding, false},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding", describeRoleBinding, false},
};

}  // namespace

Task<Result<std::string>> describe(DescribeContext& context, const Info& info) {
  DescribeWriter out;
  for (const auto& row : kRows) {
    if (row.group != info.resource->group || row.kind != info.resource->kind) continue;
    co_await row.describer(context, info.object, out);
    if (row.events && context.events) co_await eventLines(context, info, out);
    co_return out.take();
  }
  describeAny(info.object, out);
  if (context.events) co_await eventLines(context, info, out);
  co_return out.take();
}

}  // namespace coxswain::cli
