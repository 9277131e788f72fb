#include <algorithm>

#include "cli/describe/describe.h"
#include "cli/framework/errors.h"
#include "cli/printers/table_printer.h"

namespace coxswain::cli {

namespace {

std::string boolText(bool value) {
  return value ? "True" : "False";
}
std::string smallBool(bool value) {
  return value ? "true" : "false";
}

std::string portsText(const json::array& ports, const char* member) {
  std::vector<std::string> out;
  for (const auto& port : ports) {
    auto text = std::to_string(integerAt(port, {member})) + "/" + textAt(port, {"protocol"});
    if (member[0] == 'c' && !textAt(port, {"name"}).empty())
      text += " (" + textAt(port, {"name"}) + ")";
    out.push_back(std::move(text));
  }
  return joined(out, ", ");
}

std::string goList(const json::array& items) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(plainText(item));
  return "[" + joined(out, " ") + "]";
}

std::string plainAt(const json::value& value, std::initializer_list<std::string_view> path) {
  const auto* found = at(value, path);
  return found && !found->is_null() ? plainText(*found) : std::string();
}

std::string probeText(const json::value& probe) {
  auto attributes = "delay=" + std::to_string(integerAt(probe, {"initialDelaySeconds"})) +
                    "s timeout=" + std::to_string(integerAt(probe, {"timeoutSeconds"})) +
                    "s period=" + std::to_string(integerAt(probe, {"periodSeconds"})) +
                    "s #success=" + std::to_string(integerAt(probe, {"successThreshold"})) +
                    " #failure=" + std::to_string(integerAt(probe, {"failureThreshold"}));
  if (at(probe, {"exec"}))
    return "exec " + goList(arrayAt(probe, {"exec", "command"})) + " " + attributes;
  if (const auto* http = at(probe, {"httpGet"})) {
    auto scheme = textAt(*http, {"scheme"});
    for (char& c : scheme) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    auto path = textAt(*http, {"path"});
    if (!path.starts_with('/')) path = "/" + path;
    return "http-get " + scheme + "://" + textAt(*http, {"host"}) + ":" + plainAt(*http, {"port"}) +
           path + " " + attributes;
  }
  if (const auto* tcp = at(probe, {"tcpSocket"})) {
    return "tcp-socket " + textAt(*tcp, {"host"}) + ":" + plainAt(*tcp, {"port"}) + " " +
           attributes;
  }
  if (const auto* grpc = at(probe, {"grpc"})) {
    return "grpc <pod>:" + plainAt(*grpc, {"port"}) + " " + textAt(*grpc, {"service"}) + " " +
           attributes;
  }
  return "unknown " + attributes;
}

void stateLines(const std::string& label, const json::value& state, DescribeWriter& out) {
  if (const auto* running = at(state, {"running"})) {
    out.field(2, label, "Running");
    out.field(3, "Started", longTime(textAt(*running, {"startedAt"})));
  } else if (const auto* ended = at(state, {"terminated"})) {
    out.field(2, label, "Terminated");
    if (!textAt(*ended, {"reason"}).empty()) out.field(3, "Reason", textAt(*ended, {"reason"}));
    if (!textAt(*ended, {"message"}).empty()) out.field(3, "Message", textAt(*ended, {"message"}));
    out.field(3, "Exit Code", std::to_string(integerAt(*ended, {"exitCode"})));
    if (integerAt(*ended, {"signal"}) > 0) {
      out.field(3, "Signal", std::to_string(integerAt(*ended, {"signal"})));
    }
    out.field(3, "Started", longTime(textAt(*ended, {"startedAt"})));
    out.field(3, "Finished", longTime(textAt(*ended, {"finishedAt"})));
  } else {
    out.field(2, label, "Waiting");
    auto reason = textAt(state, {"waiting", "reason"});
    if (!reason.empty()) out.field(3, "Reason", reason);
  }
}

void wordLines(const char* label, const json::array& words, DescribeWriter& out) {
  if (words.empty()) return;
  out.line(2, std::string(label) + ":");
  for (const auto& word : words) {
    for (const auto& line : splitAt(plainText(word), '\n')) out.line(3, line);
  }
}

std::string fieldOf(const json::value* pod, const std::string& path) {
  if (!pod) return {};
  if (path == "metadata.name") return nameOf(*pod);
  if (path == "metadata.namespace") return namespaceOf(*pod);
  if (path == "metadata.uid") return textAt(*pod, {"metadata", "uid"});
  if (path == "spec.nodeName") return textAt(*pod, {"spec", "nodeName"});
  if (path == "spec.serviceAccountName") return textAt(*pod, {"spec", "serviceAccountName"});
  if (path == "status.podIP") return textAt(*pod, {"status", "podIP"});
  if (path == "status.hostIP") return textAt(*pod, {"status", "hostIP"});
  return {};
}

void environmentLines(const json::value& container, const json::value* pod, DescribeWriter& out) {
  const auto& from = arrayAt(container, {"envFrom"});
  if (!from.empty()) {
    out.line(2, "Environment Variables from:");
    for (const auto& source : from) {
      const bool map = at(source, {"configMapRef"}) != nullptr;
      const char* member = map ? "configMapRef" : "secretRef";
      auto prefix = textAt(source, {"prefix"});
      out.line(3, textAt(source, {member, "name"}) + "\t" + (map ? "ConfigMap" : "Secret") +
                      (prefix.empty() ? "" : " with prefix '" + prefix + "'") +
                      "\tOptional: " + smallBool(boolAt(source, {member, "optional"})));
    }
  }
  const auto& variables = arrayAt(container, {"env"});
  out.line(2, variables.empty() ? "Environment:\t<none>" : "Environment:");
  for (const auto& variable : variables) {
    auto name = textAt(variable, {"name"});
    const auto* source = at(variable, {"valueFrom"});
    if (!source) {
      bool first = true;
      for (const auto& line : splitAt(textAt(variable, {"value"}), '\n')) {
        out.line(3, (first ? name + ":" : "") + "\t" + line);
        first = false;
      }
    } else if (const auto* field = at(*source, {"fieldRef"})) {
      auto path = textAt(*field, {"fieldPath"});
      out.line(3, name + ":\t" + fieldOf(pod, path) + " (" + textAt(*field, {"apiVersion"}) + ":" +
                      path + ")");
    } else if (const auto* amount = at(*source, {"resourceFieldRef"})) {
      out.line(3, name + ":\t (" + textAt(*amount, {"resource"}) + ")");
    } else if (const auto* secret = at(*source, {"secretKeyRef"})) {
      out.line(3, name + ":\t<set to the key '" + textAt(*secret, {"key"}) + "' in secret '" +
                      textAt(*secret, {"name"}) +
                      "'>\tOptional: " + smallBool(boolAt(*secret, {"optional"})));
    } else if (const auto* map = at(*source, {"configMapKeyRef"})) {
      out.line(3, name + ":\t<set to the key '" + textAt(*map, {"key"}) + "' of config map '" +
                      textAt(*map, {"name"}) +
                      "'>\tOptional: " + smallBool(boolAt(*map, {"optional"})));
    }
  }
}

void mountLines(const json::value& container, DescribeWriter& out) {
  std::vector<const json::value*> mounts;
  for (const auto& mount : arrayAt(container, {"volumeMounts"})) mounts.push_back(&mount);
  std::ranges::stable_sort(mounts, {}, [](const auto* m) { return textAt(*m, {"mountPath"}); });
  out.line(2, mounts.empty() ? "Mounts:\t<none>" : "Mounts:");
  for (const auto* mount : mounts) {
    std::string flags = boolAt(*mount, {"readOnly"}) ? "ro" : "rw";
    auto sub = textAt(*mount, {"subPath"});
    if (!sub.empty()) flags += ",path=\"" + sub + "\"";
    out.line(3, textAt(*mount, {"mountPath"}) + " from " + textAt(*mount, {"name"}) + " (" + flags +
                    ")");
  }
  const auto& devices = arrayAt(container, {"volumeDevices"});
  if (devices.empty()) return;
  out.line(2, "Devices:");
  for (const auto& device : devices) {
    out.line(3, textAt(device, {"devicePath"}) + " from " + textAt(device, {"name"}));
  }
}

}  // namespace

void containerLines(std::string_view label, const json::array& containers,
                    const json::array& statuses, std::string_view space, const json::value* pod,
                    DescribeWriter& out) {
  const std::string prefix(space);
  if (containers.empty()) {
    out.line(0, prefix + std::string(label) + ": <none>");
    return;
  }
  out.line(0, prefix + std::string(label) + ":");
  for (const auto& container : containers) {
    const auto name = textAt(container, {"name"});
    const json::value* status = nullptr;
    for (const auto& one : statuses) {
      if (textAt(one, {"name"}) == name) status = &one;
    }
    out.line(1, (prefix.empty() ? "" : " ") + name + ":");
    if (status) out.field(2, "Container ID", textAt(*status, {"containerID"}));
    out.field(2, "Image", textAt(container, {"image"}));
    if (status) out.field(2, "Image ID", textAt(*status, {"imageID"}));
    const auto& ports = arrayAt(container, {"ports"});
    const bool several = ports.size() > 1;
    out.field(2, several ? "Ports" : "Port", noneIfEmpty(portsText(ports, "containerPort")));
    out.field(2, several ? "Host Ports" : "Host Port", noneIfEmpty(portsText(ports, "hostPort")));
    auto seccomp = textAt(container, {"securityContext", "seccompProfile", "type"});
    if (!seccomp.empty()) out.field(2, "SeccompProfile", seccomp);
    wordLines("Command", arrayAt(container, {"command"}), out);
    wordLines("Args", arrayAt(container, {"args"}), out);
    if (status) {
      static const json::value kNone;
      const auto* state = at(*status, {"state"});
      stateLines("State", state ? *state : kNone, out);
      const auto* last = at(*status, {"lastState"});
      if (last && at(*last, {"terminated"})) stateLines("Last State", *last, out);
      out.field(2, "Ready", boolText(boolAt(*status, {"ready"})));
      out.field(2, "Restart Count", std::to_string(integerAt(*status, {"restartCount"})));
    }
    for (const char* kind : {"limits", "requests"}) {
      auto amounts = stringsAt(container, {"resources", kind});
      if (!amounts.empty()) out.line(2, kind[0] == 'l' ? "Limits:" : "Requests:");
      for (const auto& [resource, amount] : amounts) out.field(3, resource, amount);
    }
    for (auto [member, shown] :
         {std::pair("livenessProbe", "Liveness"), std::pair("readinessProbe", "Readiness"),
          std::pair("startupProbe", "Startup")}) {
      if (const auto* probe = at(container, {member})) out.field(2, shown, probeText(*probe));
    }
    environmentLines(container, pod, out);
    mountLines(container, out);
  }
}

void tolerationLines(const json::array& tolerations, std::string_view label, DescribeWriter& out) {
  if (tolerations.empty()) return out.field(0, label, "<none>");
  std::vector<const json::value*> sorted;
  for (const auto& toleration : tolerations) sorted.push_back(&toleration);
  std::ranges::stable_sort(sorted, {}, [](const auto* t) { return textAt(*t, {"key"}); });
  bool first = true;
  for (const auto* toleration : sorted) {
    std::string text = textAt(*toleration, {"key"});
    auto value = textAt(*toleration, {"value"});
    auto effect = textAt(*toleration, {"effect"});
    auto op = textAt(*toleration, {"operator"});
    if (!value.empty()) text += "=" + value;
    if (!effect.empty()) text += ":" + effect;
    if (op == "Exists" && value.empty()) {
      text += textAt(*toleration, {"key"}).empty() && effect.empty() ? "op=Exists" : " op=Exists";
    }
    if (const auto* seconds = at(*toleration, {"tolerationSeconds"})) {
      text += " for " + plainText(*seconds) + "s";
    }
    out.line(0, (first ? std::string(label) + ":" : "") + "\t" + text);
    first = false;
  }
}

void podTemplateLines(const json::value& podTemplate, DescribeWriter& out) {
  out.line(0, "Pod Template:");
  out.pairs("  Labels", stringsAt(podTemplate, {"metadata", "labels"}));
  if (!objectAt(podTemplate, {"metadata", "annotations"}).empty()) {
    out.pairs("  Annotations", stringsAt(podTemplate, {"metadata", "annotations"}), ": ");
  }
  auto account = textAt(podTemplate, {"spec", "serviceAccountName"});
  if (!account.empty()) out.field(0, "  Service Account", account);
  const auto& inits = arrayAt(podTemplate, {"spec", "initContainers"});
  if (!inits.empty()) containerLines("Init Containers", inits, {}, "  ", nullptr, out);
  containerLines("Containers", arrayAt(podTemplate, {"spec", "containers"}), {}, "  ", nullptr,
                 out);
  volumeLines(arrayAt(podTemplate, {"spec", "volumes"}), "  ", out);
  auto priority = textAt(podTemplate, {"spec", "priorityClassName"});
  if (!priority.empty()) out.field(0, "  Priority Class Name", priority);
  out.pairs("  Node-Selectors", stringsAt(podTemplate, {"spec", "nodeSelector"}));
  tolerationLines(arrayAt(podTemplate, {"spec", "tolerations"}), "  Tolerations", out);
}

std::string describePodTemplate(const json::value& podTemplate) {
  DescribeWriter out(DescribeWriter::Tabs::AsTheyAre);
  podTemplateLines(podTemplate, out);
  return out.take();
}

Task<void> describePod(DescribeContext& context, const json::value& pod, DescribeWriter& out) {
  out.field(0, "Name", nameOf(pod));
  out.field(0, "Namespace", namespaceOf(pod));
  if (const auto* priority = at(pod, {"spec", "priority"})) {
    out.field(0, "Priority", plainText(*priority));
  }
  const auto optional = [&](const char* label, const std::string& value) {
    if (!value.empty()) out.field(0, label, value);
  };
  optional("Priority Class Name", textAt(pod, {"spec", "priorityClassName"}));
  optional("Runtime Class Name", textAt(pod, {"spec", "runtimeClassName"}));
  optional("Service Account", textAt(pod, {"spec", "serviceAccountName"}));
  auto node = textAt(pod, {"spec", "nodeName"});
  out.field(0, "Node", node.empty() ? "<none>" : node + "/" + textAt(pod, {"status", "hostIP"}));
  if (at(pod, {"status", "startTime"})) {
    out.field(0, "Start Time", longTime(textAt(pod, {"status", "startTime"})));
  }
  out.pairs("Labels", stringsAt(pod, {"metadata", "labels"}));
  out.annotations(pod);
  auto phase = textAt(pod, {"status", "phase"});
  auto deleted = textAt(pod, {"metadata", "deletionTimestamp"});
  if (!deleted.empty() && phase != "Failed" && phase != "Succeeded") {
    out.field(0, "Status", "Terminating (lasts " + ageOf(deleted, context.now) + ")");
    out.field(0, "Termination Grace Period",
              std::to_string(integerAt(pod, {"metadata", "deletionGracePeriodSeconds"})) + "s");
  } else {
    out.field(0, "Status", phase);
  }
  optional("Reason", textAt(pod, {"status", "reason"}));
  optional("Message", textAt(pod, {"status", "message"}));
  optional("SeccompProfile", textAt(pod, {"spec", "securityContext", "seccompProfile", "type"}));
  out.field(0, "IP", textAt(pod, {"status", "podIP"}));
  const auto& ips = arrayAt(pod, {"status", "podIPs"});
  out.line(0, ips.empty() ? "IPs:\t<none>" : "IPs:");
  for (const auto& ip : ips) out.field(1, "IP", textAt(ip, {"ip"}));
  optional("Controlled By", controllerOf(pod));
  optional("NominatedNodeName", textAt(pod, {"status", "nominatedNodeName"}));
  const auto& inits = arrayAt(pod, {"spec", "initContainers"});
  if (!inits.empty()) {
    containerLines("Init Containers", inits, arrayAt(pod, {"status", "initContainerStatuses"}), "",
                   &pod, out);
  }
  containerLines("Containers", arrayAt(pod, {"spec", "containers"}),
                 arrayAt(pod, {"status", "containerStatuses"}), "", &pod, out);
  const auto& ephemeral = arrayAt(pod, {"spec", "ephemeralContainers"});
  if (!ephemeral.empty()) {
    containerLines("Ephemeral Containers", ephemeral,
                   arrayAt(pod, {"status", "ephemeralContainerStatuses"}), "", &pod, out);
  }
  const auto& gates = arrayAt(pod, {"spec", "readinessGates"});
  if (!gates.empty()) {
    out.line(0, "Readiness Gates:\n  Type\tStatus");
    for (const auto& gate : gates) {
      auto type = textAt(gate, {"conditionType"});
      std::string status = "<none>";
      for (const auto& condition : arrayAt(pod, {"status", "conditions"})) {
        if (textAt(condition, {"type"}) == type) status = textAt(condition, {"status"});
      }
      out.line(1, type + " \t" + status + " ");
    }
  }
  const auto& conditions = arrayAt(pod, {"status", "conditions"});
  if (!conditions.empty()) {
    out.line(0, "Conditions:\n  Type\tStatus");
    for (const auto& condition : conditions) {
      out.line(1, textAt(condition, {"type"}) + " \t" + textAt(condition, {"status"}) + " ");
    }
  }
  volumeLines(arrayAt(pod, {"spec", "volumes"}), "", out);
  out.field(0, "QoS Class", textAt(pod, {"status", "qosClass"}));
  out.pairs("Node-Selectors", stringsAt(pod, {"spec", "nodeSelector"}));
  tolerationLines(arrayAt(pod, {"spec", "tolerations"}), "Tolerations", out);
  const auto& spread = arrayAt(pod, {"spec", "topologySpreadConstraints"});
  bool first = true;
  for (const auto& one : spread) {
    const auto* selector = at(one, {"labelSelector"});
    out.line(0, (first ? std::string("Topology Spread Constraints:") : std::string()) + "\t" +
                    textAt(one, {"topologyKey"}) + ":" + textAt(one, {"whenUnsatisfiable"}) +
                    " when max skew " + std::to_string(integerAt(one, {"maxSkew"})) +
                    " is exceeded" + (selector ? " for selector " + selectorText(selector) : ""));
    first = false;
  }
  co_return;
}

}  // namespace coxswain::cli
