#include <algorithm>
#include <charconv>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// Container ports of a pod (template) or ports of a service, with their protocols.
std::vector<std::pair<std::string, std::string>> portsOf(const json::value& object) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](const json::value& port, const char* member) {
    auto number = integerAt(port, {member});
    auto protocol = textAt(port, {"protocol"});
    if (number > 0) out.emplace_back(std::to_string(number), protocol.empty() ? "TCP" : protocol);
  };
  if (kindOf(object) == "Service") {
    for (const auto& port : arrayAt(object, {"spec", "ports"})) add(port, "port");
    return out;
  }
  const auto* spec =
      kindOf(object) == "Pod" ? at(object, {"spec"}) : at(object, {"spec", "template", "spec"});
  if (!spec) return out;
  for (const auto& container : arrayAt(*spec, {"containers"})) {
    for (const auto& port : arrayAt(container, {"ports"})) add(port, "containerPort");
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> selectorOf(const json::value& object,
                                                                    const Info& info) {
  const auto kind = kindOf(object);
  std::vector<std::pair<std::string, std::string>> out;
  if (kind == "Pod") {
    out = stringsAt(object, {"metadata", "labels"});
    if (out.empty()) return fault("the pod has no labels and cannot be exposed");
  } else if (kind == "Service" || kind == "ReplicationController") {
    out = stringsAt(object, {"spec", "selector"});
  } else if (kind == "Deployment" || kind == "ReplicaSet") {
    if (!arrayAt(object, {"spec", "selector", "matchExpressions"}).empty()) {
      return fault("couldn't convert expressions - \"" + kind + "\" to map-based selector format");
    }
    out = stringsAt(object, {"spec", "selector", "matchLabels"});
  } else {
    return fault("cannot expose a " + info.resource->kind +
                 (info.resource->group.empty() ? "" : "." + info.resource->group));
  }
  if (out.empty())
    return fault(
        "couldn't retrieve selectors via --selector flag or introspection: "
        "invalid " +
        kind + " '" + nameOf(object) + "': no selectors, therefore cannot be exposed");
  return out;
}

class Expose final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "expose");
    flags.text(&name_, "name", 0, "Name of the service; empty: that of the object.");
    flags.text(&port_, "port", 0, "Port of the service; empty: those of the object.");
    flags.text(&targetPort_, "target-port", 0, "Port (number or name) of the containers.");
    flags.text(&protocol_, "protocol", 0, "Network protocol; empty: that of the object, or TCP.");
    flags.text(&type_, "type", 0, "ClusterIP, NodePort, LoadBalancer or ExternalName.");
    flags.text(&selector_, "selector", 0, "Labels the service selects; empty: the object's.");
    flags.text(&labels_, "labels", 'l', "Labels of the service; empty: the object's.");
    flags.text(&clusterIp_, "cluster-ip", 0, "The address; None for a headless service.");
    flags.text(&externalIp_, "external-ip", 0, "An address that nodes answer for.");
    flags.text(&externalName_, "external-name", 0, "For --type=ExternalName.");
    flags.text(&affinity_, "session-affinity", 0, "None or ClientIP.");
    flags.boolean(&saveConfig_, "save-config", 0, "Write the annotation that apply needs later.");
    action_.declare(flags, "kubectl-expose");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    for (const auto& info : infos) {
      auto service = makeService(info);
      if (!service.ok()) {
        session.fail(service.status());
        continue;
      }
      Status made =
          co_await createAndReport(session, action_, asValue(*service), saveConfig_, "exposed");
      if (!made.ok()) session.fail(made);
    }
    co_return Status();
  }

 private:
  using Service = api::core::v1::Service;

  Result<Service> makeService(const Info& info) const {
    Service service;
    service.metadata.name = name_.empty() ? info.name : name_;
    if (service.metadata.name.size() > 63) service.metadata.name.resize(63);
    if (labels_.empty()) {
      for (auto& [name, value] : stringsAt(info.object, {"metadata", "labels"})) {
        service.metadata.labels[name] = value;
      }
    } else {
      TRY_STATUS(parseMap(labels_, service.metadata.labels));
    }
    auto& spec = service.spec;
    if (selector_.empty()) {
      TRY(auto selector, selectorOf(info.object, info));
      for (auto& [name, value] : selector) spec.selector[name] = value;
    } else {
      TRY_STATUS(parseMap(selector_, spec.selector));
    }
    TRY_STATUS(addPorts(info, spec));
    spec.type = type_;
    spec.clusterIP = clusterIp_;
    spec.externalName = externalName_;
    spec.sessionAffinity = affinity_;
    if (!externalIp_.empty()) spec.externalIPs.push_back(externalIp_);
    return service;
  }

  Status addPorts(const Info& info, api::core::v1::ServiceSpec& spec) const {
    std::vector<std::pair<std::string, std::string>> ports;
    const auto known = portsOf(info.object);
    if (port_.empty()) {
      ports = known;
      if (ports.empty() && clusterIp_ != "None" && type_ != "ExternalName") {
        return fault("couldn't find port via --port flag or introspection");
      }
    } else {
      for (auto& text : splitAt(port_, ',')) {
        std::string protocol = "TCP";
        for (const auto& [number, its] : known) {
          if (number == text) protocol = its;
        }
        ports.emplace_back(std::move(text), std::move(protocol));
      }
    }
    for (size_t i = 0; i < ports.size(); ++i) {
      auto& port = spec.ports.emplace_back();
      const auto& text = ports[i].first;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port.port);
      if (error != std::errc() || end != text.data() + text.size()) {
        return fault("invalid port " + api::goQuote(text));
      }
      port.protocol = protocol_.empty() ? ports[i].second : protocol_;
      if (ports.size() > 1) port.name = "port-" + std::to_string(i + 1);
      port.targetPort = api::IntOrString(port.port);
      if (targetPort_.empty()) continue;
      int32_t target = 0;
      auto [to, bad] =
          std::from_chars(targetPort_.data(), targetPort_.data() + targetPort_.size(), target);
      const bool isNumber = bad == std::errc() && to == targetPort_.data() + targetPort_.size();
      port.targetPort = isNumber ? api::IntOrString(target) : api::IntOrString(targetPort_);
    }
    return {};
  }

  template <typename Map>
  static Status parseMap(const std::string& text, Map& out) {
    for (const auto& part : splitAt(text, ',')) {
      auto equal = part.find('=');
      if (equal == std::string::npos || equal == 0) {
        return fault("unexpected label format: " + part);
      }
      out[part.substr(0, equal)] = part.substr(equal + 1);
    }
    return {};
  }

  Selection selection_;
  Action action_;
  std::string name_;
  std::string port_;
  std::string targetPort_;
  std::string protocol_;
  std::string type_;
  std::string selector_;
  std::string labels_;
  std::string clusterIp_;
  std::string externalIp_;
  std::string externalName_;
  std::string affinity_;
  bool saveConfig_ = false;
};

}  // namespace

Command exposeCommand() {
  Command command;
  command.name = "expose";
  command.usage =
      "(-f FILENAME | TYPE NAME) [--port=port] [--target-port=number-or-name] "
      "[--name=name] [--type=type] [options]";
  command.summary =
      "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes "
      "service";
  command.examples = "  kubectl expose deployment web --port=80 --target-port=8080\n";
  command.group = "Basic Commands (Beginner)";
  command.make = makeVerb<Expose>;
  return command;
}

}  // namespace coxswain::cli
