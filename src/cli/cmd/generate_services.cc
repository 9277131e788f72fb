#include <charconv>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

using api::core::v1::Service;
using api::core::v1::ServicePort;

namespace {

Result<int32_t> parsePort(const std::string& text) {
  int32_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535) {
    return fault("invalid port: " + api::goQuote(text) + ", must be between 0 and 65535");
  }
  return port;
}

/// "80", "80:8080", "80:http".
Result<ServicePort> parseTcp(const std::string& text) {
  auto parts = splitAt(text, ':');
  if (parts.size() > 2) return fault("invalid port or port range: " + text);
  ServicePort port;
  TRY(port.port, parsePort(parts[0]));
  port.name = text;
  for (char& c : port.name) {
    if (c == ':') c = '-';
  }
  port.protocol = "TCP";
  port.targetPort = api::IntOrString(port.port);
  if (parts.size() == 2) {
    if (!parts[1].empty() && parts[1][0] >= '0' && parts[1][0] <= '9') {
      TRY(auto target, parsePort(parts[1]));
      port.targetPort = api::IntOrString(target);
    } else {
      port.targetPort = api::IntOrString(parts[1]);
    }
  }
  return port;
}

class ServiceGenerator : public Generator {
 protected:
  explicit ServiceGenerator(std::string type) : type_(std::move(type)) {}
  void ownFlags(FlagSet& flags) override {
    flags.commaList(&tcp_, "tcp", 0, "Port, or port:targetPort; may be repeated.");
    if (type_ == "ClusterIP") {
      flags.text(&clusterIp_, "clusterip", 0, "The address; None for a headless service.");
    }
    if (type_ == "NodePort") {
      flags.integer(&nodePort_, "node-port", 0, "The port on nodes; 0: the server chooses.");
    }
    if (type_ == "ExternalName") {
      flags.text(&externalName_, "external-name", 0, "The name the service stands for.");
    }
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    Service object;
    TRY(object.metadata.name, onlyName(words));
    const auto& name = object.metadata.name;
    if (tcp_.empty() && type_ != "ExternalName" && clusterIp_ != "None") {
      return fault("at least one tcp port specifier must be provided");
    }
    object.metadata.labels["app"] = name;
    object.spec.type = type_;
    object.spec.selector["app"] = name;
    for (const auto& text : tcp_) {
      TRY(auto port, parseTcp(text));
      if (nodePort_ != 0) port.nodePort = static_cast<int32_t>(nodePort_);
      object.spec.ports.push_back(std::move(port));
    }
    if (!clusterIp_.empty()) object.spec.clusterIP = clusterIp_;
    if (type_ == "ExternalName") {
      if (externalName_.empty()) return fault("required flag(s) \"external-name\" not set");
      object.spec.externalName = externalName_;
    }
    return asValue(object);
  }

 private:
  std::string type_;
  std::vector<std::string> tcp_;
  std::string clusterIp_;
  int64_t nodePort_ = 0;
  std::string externalName_;
};

struct ClusterIp final : ServiceGenerator {
  ClusterIp() : ServiceGenerator("ClusterIP") {}
};
struct NodePort final : ServiceGenerator {
  NodePort() : ServiceGenerator("NodePort") {}
};
struct LoadBalancer final : ServiceGenerator {
  LoadBalancer() : ServiceGenerator("LoadBalancer") {}
};
struct ExternalName final : ServiceGenerator {
  ExternalName() : ServiceGenerator("ExternalName") {}
};

}  // namespace

std::vector<Command> serviceGenerators() {
  Command service;
  service.name = "service";
  service.usage = "(clusterip | nodeport | loadbalancer | externalname)";
  service.summary = "Create a service using a specified subcommand";
  service.aliases = {"svc"};
  const auto add = [&](std::string_view name, std::string_view summary,
                       std::unique_ptr<Verb> (*maker)()) {
    auto& child = service.children.emplace_back();
    child.name = name;
    child.usage = "NAME [--tcp=<port>:<targetPort>] [options]";
    child.summary = summary;
    child.make = maker;
  };
  add("clusterip", "Create a ClusterIP service", makeVerb<ClusterIp>);
  add("nodeport", "Create a NodePort service", makeVerb<NodePort>);
  add("loadbalancer", "Create a LoadBalancer service", makeVerb<LoadBalancer>);
  add("externalname", "Create an ExternalName service", makeVerb<ExternalName>);
  std::vector<Command> out;
  out.push_back(std::move(service));
  return out;
}

}  // namespace coxswain::cli
