// The core group but for pods.
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "api/helpers/pods.h"
#include "apiserver/tables/printer.h"
#include "base/text.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr Column kReplicationControllerColumns[] = {
    kName, integer("Desired"), integer("Current"), integer("Ready"),
    kAge,  wide("Containers"), wide("Images"),     wide("Selector")};

void printReplicationController(const ReplicationController& rc, Row& row) {
  row.text(rc.metadata.name)
      .number(rc.spec.replicas.value_or(0))
      .number(rc.status.replicas)
      .number(rc.status.readyReplicas)
      .age(rc.metadata);
  static const PodSpec kNone;
  podSpecCells(rc.spec.template_ ? rc.spec.template_->spec : kNone, row);
  row.text(labelsText(rc.spec.selector));
}

constexpr Column kServiceColumns[] = {kName,       {"Type"}, {"Cluster-IP"},  {"External-IP"},
                                      {"Port(s)"}, kAge,     wide("Selector")};

std::string servicePorts(const ServiceSpec& spec) {
  std::vector<std::string> parts;
  for (const auto& port : spec.ports) {
    std::string node = port.nodePort > 0 ? cat(":", port.nodePort) : "";
    parts.push_back(cat(port.port, node, "/", port.protocol));
  }
  return parts.empty() ? "<none>" : join(parts, ",");
}

std::string serviceExternalIp(const Service& service) {
  const ServiceSpec& spec = service.spec;
  if (spec.type == "ExternalName") return spec.externalName;
  if (spec.type == "ClusterIP" || spec.type == "NodePort") {
    return spec.externalIPs.empty() ? "<none>" : join(spec.externalIPs, ",");
  }
  if (spec.type != "LoadBalancer") return "<unknown>";
  std::set<std::string> balancers;
  for (const auto& ingress : service.status.loadBalancer.ingress) {
    if (!ingress.ip.empty()) {
      balancers.insert(ingress.ip);
    } else if (!ingress.hostname.empty()) {
      balancers.insert(ingress.hostname);
    }
  }
  std::vector<std::string> parts(balancers.begin(), balancers.end());
  parts.insert(parts.end(), spec.externalIPs.begin(), spec.externalIPs.end());
  return parts.empty() ? "<pending>" : join(parts, ",");
}

void printService(const Service& service, Row& row) {
  const ServiceSpec& spec = service.spec;
  row.text(service.metadata.name)
      .text(spec.type)
      .textOr(spec.clusterIPs.empty() ? std::string() : spec.clusterIPs[0], "<none>")
      .text(serviceExternalIp(service))
      .text(servicePorts(spec))
      .age(service.metadata)
      .text(labelsText(spec.selector));
}

constexpr Column kEndpointsColumns[] = {kName, {"Endpoints"}, kAge};

std::string hostPort(const std::string& ip, int32_t port) {
  return ip.find(':') == std::string::npos ? cat(ip, ":", port) : cat("[", ip, "]:", port);
}

void printEndpoints(const Endpoints& endpoints, Row& row) {
  std::vector<std::string> parts;
  for (const auto& subset : endpoints.subsets) {
    if (subset.ports.empty()) {
      for (const auto& address : subset.addresses) parts.push_back(address.ip);
    }
    for (const auto& port : subset.ports) {
      for (const auto& address : subset.addresses) {
        parts.push_back(hostPort(address.ip, port.port));
      }
    }
  }
  // Where there are subsets but nothing in them is ready, the cell is empty.
  const std::string_view absent = endpoints.subsets.empty() ? "<none>" : "";
  row.text(endpoints.metadata.name).text(listText(parts, 3, absent)).age(endpoints.metadata);
}

constexpr Column kNodeColumns[] = {kName,
                                   {"Status"},
                                   {"Roles"},
                                   kAge,
                                   {"Version"},
                                   wide("Internal-IP"),
                                   wide("External-IP"),
                                   wide("OS-Image"),
                                   wide("Kernel-Version"),
                                   wide("Container-Runtime")};

std::string nodeRoles(const Node& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, value] : node.metadata.labels) {
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) {
      roles.insert(key.substr(kPrefix.size()));
    } else if (key == "kubernetes.io/role" && !value.empty()) {
      roles.insert(value);
    }
  }
  const std::vector<std::string> parts(roles.begin(), roles.end());
  return parts.empty() ? "<none>" : join(parts, ",");
}

void printNode(const Node& node, Row& row) {
  std::string status = "Unknown";
  if (const auto* ready = api::findNodeCondition(node, "Ready")) {
    status = ready->status == "True" ? "Ready" : "NotReady";
  }
  if (node.spec.unschedulable) status += ",SchedulingDisabled";
  const auto& system = node.status.nodeInfo;
  std::string kernel = system.kernelVersion.empty() ? "<unknown>" : system.kernelVersion;
  if (!system.architecture.empty()) kernel += cat(" (", system.architecture, ")");
  row.text(node.metadata.name)
      .text(status)
      .text(nodeRoles(node))
      .age(node.metadata)
      .text(system.kubeletVersion)
      .textOr(api::nodeAddress(node, "InternalIP"), "<none>")
      .textOr(api::nodeAddress(node, "ExternalIP"), "<none>")
      .textOr(system.osImage, "<unknown>")
      .text(kernel)
      .textOr(system.containerRuntimeVersion, "<unknown>");
}

constexpr Column kEventColumns[] = {
    {"Last Seen"},  {"Type"},    {"Reason"},         {"Object"},    wide("Subobject"),
    wide("Source"), {"Message"}, wide("First Seen"), wide("Count"), {"Name", "string", "name", 1}};

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

/// What both groups' events have, under different names.
struct EventParts {
  const api::meta::v1::ObjectMeta& metadata;
  const ObjectReference& object;
  const EventSource& source;
  const std::string& controller;
  const std::string& instance;
  const std::string& type;
  const std::string& reason;
  const std::string& message;
  api::Time first;
  api::Time last;
  api::MicroTime eventTime;
  int64_t count;
};

void printEventParts(const EventParts& event, bool series, int64_t seriesCount,
                     const api::MicroTime& seriesLast, Row& row) {
  const std::string first =
      event.first.isZero() ? ageText(event.eventTime, row.now()) : ageText(event.first, row.now());
  std::string last = event.last.isZero() ? first : ageText(event.last, row.now());
  int64_t count = event.count;
  if (series) {
    last = ageText(seriesLast, row.now());
    count = seriesCount;
  } else if (count == 0) {
    count = 1;
  }
  std::string object = lowerCase(event.object.kind);
  if (!event.object.name.empty()) object += "/" + event.object.name;
  std::string source = event.source.component.empty() ? event.controller : event.source.component;
  const std::string& host = event.source.host.empty() ? event.instance : event.source.host;
  if (!host.empty()) source += ", " + host;
  row.text(last)
      .text(event.type)
      .text(event.reason)
      .text(object)
      .text(event.object.fieldPath)
      .text(source)
      .text(trimmed(event.message))
      .text(first)
      .number(count)
      .text(event.metadata.name);
}

void printEvent(const Event& event, Row& row) {
  const EventParts parts{
      event.metadata,          event.involvedObject, event.source,    event.reportingComponent,
      event.reportingInstance, event.type,           event.reason,    event.message,
      event.firstTimestamp,    event.lastTimestamp,  event.eventTime, event.count};
  const bool series = event.series.has_value();
  printEventParts(parts, series, series ? event.series->count : 0,
                  series ? event.series->lastObservedTime : api::MicroTime(), row);
}

void printEventsV1(const api::events::v1::Event& event, Row& row) {
  const EventParts parts{event.metadata,
                         event.regarding,
                         event.deprecatedSource,
                         event.reportingController,
                         event.reportingInstance,
                         event.type,
                         event.reason,
                         event.note,
                         event.deprecatedFirstTimestamp,
                         event.deprecatedLastTimestamp,
                         event.eventTime,
                         event.deprecatedCount};
  const bool series = event.series.has_value();
  printEventParts(parts, series, series ? event.series->count : 0,
                  series ? event.series->lastObservedTime : api::MicroTime(), row);
}

constexpr Column kNamespaceColumns[] = {kName, {"Status"}, kAge};
void printNamespace(const Namespace& object, Row& row) {
  row.text(object.metadata.name).text(object.status.phase).age(object.metadata);
}

constexpr Column kSecretColumns[] = {kName, {"Type"}, {"Data"}, kAge};
void printSecret(const Secret& secret, Row& row) {
  row.text(secret.metadata.name)
      .text(secret.type)
      .number(static_cast<int64_t>(secret.data.size()))
      .age(secret.metadata);
}

constexpr Column kConfigMapColumns[] = {kName, {"Data"}, kAge};
void printConfigMap(const ConfigMap& object, Row& row) {
  row.text(object.metadata.name)
      .number(static_cast<int64_t>(object.data.size() + object.binaryData.size()))
      .age(object.metadata);
}

constexpr Column kServiceAccountColumns[] = {kName, kAge};
void printServiceAccount(const ServiceAccount& account, Row& row) {
  row.text(account.metadata.name).age(account.metadata);
}

constexpr Column kComponentStatusColumns[] = {kName, {"Status"}, {"Message"}, {"Error"}};
void printComponentStatus(const ComponentStatus& object, Row& row) {
  std::string status = "Unknown";
  std::string message;
  std::string error;
  for (const auto& condition : object.conditions) {
    if (condition.type != "Healthy") continue;
    status = condition.status == "True"    ? "Healthy"
             : condition.status == "False" ? "Unhealthy"
                                           : "Unknown";
    message = condition.message;
    error = condition.error;
    break;
  }
  row.text(object.metadata.name).text(status).text(message).text(error);
}

constexpr Column kResourceQuotaColumns[] = {kName, {"Request"}, {"Limit"}, kAge};
void printResourceQuota(const ResourceQuota& quota, Row& row) {
  std::vector<std::string> requests;
  std::vector<std::string> limits;
  for (const auto& [name, hard] : quota.status.hard) {
    const api::Quantity* used = quota.status.used.get(name);
    std::string text = cat(name, ": ", used ? used->str() : "0", "/", hard.str());
    (name.starts_with("limits.") ? limits : requests).push_back(std::move(text));
  }
  row.text(quota.metadata.name)
      .text(join(requests, ", "))
      .text(join(limits, ", "))
      .age(quota.metadata);
}

constexpr Column kStatusColumns[] = {{"Status"}, {"Reason"}, {"Message"}};
void printStatus(const api::meta::v1::Status& status, Row& row) {
  row.text(status.status).text(status.reason).text(status.message);
}

}  // namespace

std::span<const Printer> corePrinters() {
  static const Printer all[] = {
      printer<ReplicationController, printReplicationController>(kReplicationControllerColumns),
      printer<Service, printService>(kServiceColumns),
      printer<Endpoints, printEndpoints>(kEndpointsColumns),
      printer<Node, printNode>(kNodeColumns),
      printer<Event, printEvent>(kEventColumns),
      printer<api::events::v1::Event, printEventsV1>(kEventColumns),
      printer<Namespace, printNamespace>(kNamespaceColumns),
      printer<Secret, printSecret>(kSecretColumns),
      printer<ConfigMap, printConfigMap>(kConfigMapColumns),
      printer<ServiceAccount, printServiceAccount>(kServiceAccountColumns),
      printer<ComponentStatus, printComponentStatus>(kComponentStatusColumns),
      printer<ResourceQuota, printResourceQuota>(kResourceQuotaColumns),
      printer<api::meta::v1::Status, printStatus>(kStatusColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
