#include <algorithm>

#include "api/meta/base64.h"
#include "cli/describe/describe.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

std::string textsAt(const json::value& object, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto& item : arrayAt(object, path)) out.push_back(plainText(item));
  return joined(out, ",");
}

bool tells(const json::value& object, std::string_view name) {
  return at(object, {name}) != nullptr && !at(object, {name})->is_null();
}

/// Ready addresses of a port in the service's slices: "10.0.0.1:80,10.0.0.2:80 + 3 more...".
std::string endpointsText(const std::vector<json::value>& slices, const std::string& portName) {
  std::vector<std::string> out;
  for (const auto& slice : slices) {
    for (const auto& port : arrayAt(slice, {"ports"})) {
      if (textAt(port, {"name"}) != portName) continue;
      for (const auto& endpoint : arrayAt(slice, {"endpoints"})) {
        if (!boolAt(endpoint, {"conditions", "ready"}, true)) continue;
        for (const auto& address : arrayAt(endpoint, {"addresses"})) {
          auto host = plainText(address);
          if (host.find(':') != std::string::npos) host = "[" + host + "]";
          out.push_back(host + ":" + std::to_string(integerAt(port, {"port"})));
        }
      }
    }
  }
  constexpr size_t kShownMax = 3;
  if (out.empty()) return "";
  const auto total = out.size();
  if (total > kShownMax) out.resize(kShownMax);
  auto text = joined(out, ",");
  if (total > kShownMax) text += " + " + std::to_string(total - kShownMax) + " more...";
  return text;
}

}  // namespace

Task<void> describeService(DescribeContext& context, const json::value& object,
                           DescribeWriter& out) {
  metadataLines(object, out);
  out.pairs("Selector", {{selectorText(at(object, {"spec", "selector"})), ""}}, "");
  out.field(0, "Type", textAt(object, {"spec", "type"}));
  if (tells(*at(object, {"spec"}), "ipFamilyPolicy")) {
    out.field(0, "IP Family Policy", textAt(object, {"spec", "ipFamilyPolicy"}));
  }
  if (!arrayAt(object, {"spec", "ipFamilies"}).empty()) {
    out.field(0, "IP Families", textsAt(object, {"spec", "ipFamilies"}));
  } else {
    out.field(0, "IP Families", "<none>");
  }
  out.field(0, "IP", textAt(object, {"spec", "clusterIP"}));
  out.field(0, "IPs", noneIfEmpty(textsAt(object, {"spec", "clusterIPs"})));
  if (!arrayAt(object, {"spec", "externalIPs"}).empty()) {
    out.field(0, "External IPs", textsAt(object, {"spec", "externalIPs"}));
  }
  const auto optional = [&](const char* label, const std::string& value) {
    if (!value.empty()) out.field(0, label, value);
  };
  optional("Desired LoadBalancer IP", textAt(object, {"spec", "loadBalancerIP"}));
  optional("External Name", textAt(object, {"spec", "externalName"}));
  std::vector<std::string> balancers;
  for (const auto& one : arrayAt(object, {"status", "loadBalancer", "ingress"})) {
    auto ip = textAt(one, {"ip"});
    balancers.push_back(ip.empty() ? textAt(one, {"hostname"}) : ip);
  }
  optional("LoadBalancer Ingress", joined(balancers, ", "));
  ObjectListOptions options;
  options.labelSelector = "kubernetes.io/service-name=" + nameOf(object);
  auto slices =
      co_await context.list("endpointslices.discovery.k8s.io", namespaceOf(object), options);
  for (const auto& port : arrayAt(object, {"spec", "ports"})) {
    auto name = textAt(port, {"name"});
    auto protocol = textAt(port, {"protocol"});
    auto shown = name.empty() ? "<unset>" : name;
    out.field(0, "Port", shown + "\t" + std::to_string(integerAt(port, {"port"})) + "/" + protocol);
    const auto* target = at(port, {"targetPort"});
    out.field(0, "TargetPort", (target ? plainText(*target) : "0") + "/" + protocol);
    if (integerAt(port, {"nodePort"}) != 0) {
      out.field(0, "NodePort",
                shown + "\t" + std::to_string(integerAt(port, {"nodePort"})) + "/" + protocol);
    }
    out.field(0, "Endpoints", noneIfEmpty(endpointsText(slices, name)));
  }
  out.field(0, "Session Affinity", textAt(object, {"spec", "sessionAffinity"}));
  optional("External Traffic Policy", textAt(object, {"spec", "externalTrafficPolicy"}));
  optional("Internal Traffic Policy", textAt(object, {"spec", "internalTrafficPolicy"}));
  optional("TrafficDistribution", textAt(object, {"spec", "trafficDistribution"}));
  if (integerAt(object, {"spec", "healthCheckNodePort"}) != 0) {
    out.field(0, "HealthCheck NodePort",
              std::to_string(integerAt(object, {"spec", "healthCheckNodePort"})));
  }
}

Task<void> describeNamespace(DescribeContext& context, const json::value& object,
                             DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
  out.field(0, "Status", textAt(object, {"status", "phase"}));
  const auto& conditions = arrayAt(object, {"status", "conditions"});
  if (!conditions.empty()) {
    out.line(0, "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage");
    out.line(1, "----\t------\t------------------\t------\t-------");
    for (const auto& condition : conditions) {
      out.line(1, textAt(condition, {"type"}) + "\t" + textAt(condition, {"status"}) + "\t" +
                      longTime(textAt(condition, {"lastTransitionTime"})) + "\t" +
                      textAt(condition, {"reason"}) + "\t" + textAt(condition, {"message"}));
    }
  }
  auto quotas = co_await context.list("resourcequotas.v1.", nameOf(object), {});
  if (quotas.empty()) {
    out.line(0, "\nNo resource quota.");
  } else {
    out.line(0, "\nResource Quotas");
    for (const auto& quota : quotas) {
      out.line(1, "Name:\t" + nameOf(quota));
      out.line(1, "Resource\tUsed\tHard");
      out.line(1, "--------\t---\t---");
      for (const auto& [name, hard] : stringsAt(quota, {"status", "hard"})) {
        auto used = textAt(quota, {"status", "used", name});
        out.line(1, name + "\t" + used + "\t" + hard);
      }
    }
  }
  auto limits = co_await context.list("limitranges.v1.", nameOf(object), {});
  if (limits.empty()) {
    out.line(0, "\nNo LimitRange resource.");
    co_return;
  }
  out.line(0, "\nResource Limits");
  out.line(1, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
  out.line(1, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
  for (const auto& range : limits) {
    for (const auto& limit : arrayAt(range, {"spec", "limits"})) {
      std::vector<std::string> names;
      const char* members[] = {"min", "max", "defaultRequest", "default", "maxLimitRequestRatio"};
      for (const char* member : members) {
        for (const auto& [name, value] : stringsAt(limit, {member})) {
          if (std::ranges::find(names, name) == names.end()) names.push_back(name);
        }
      }
      std::ranges::sort(names);
      for (const auto& name : names) {
        auto line = textAt(limit, {"type"}) + "\t" + name;
        for (const char* member : members) {
          auto value = textAt(limit, {member, name});
          line += "\t" + (value.empty() ? "-" : value);
        }
        out.line(1, line);
      }
    }
  }
}

Task<void> describeConfigMap(DescribeContext&, const json::value& object, DescribeWriter& out) {
  metadataLines(object, out);
  out.line(0, "\nData\n====");
  for (const auto& [name, value] : stringsAt(object, {"data"})) {
    out.line(0, name + ":\n----\n" + value + "\n");
  }
  out.line(0, "\nBinaryData\n====");
  for (const auto& [name, value] : stringsAt(object, {"binaryData"})) {
    auto bytes = api::base64Decode(value);
    out.line(0, name + ": " + std::to_string(bytes ? bytes->size() : 0) + " bytes");
  }
  out.line(0, "");
  co_return;
}

Task<void> describeSecret(DescribeContext&, const json::value& object, DescribeWriter& out) {
  metadataLines(object, out);
  out.line(0, "\nType:\t" + textAt(object, {"type"}));
  out.line(0, "\nData\n====");
  for (const auto& [name, value] : stringsAt(object, {"data"})) {
    auto bytes = api::base64Decode(value);
    if (name == "token" && textAt(object, {"type"}) == "kubernetes.io/service-account-token") {
      out.field(0, name, bytes ? *bytes : std::string());
    } else {
      out.field(0, name, std::to_string(bytes ? bytes->size() : 0) + " bytes");
    }
  }
  co_return;
}

Task<void> describeServiceAccount(DescribeContext&, const json::value& object,
                                  DescribeWriter& out) {
  metadataLines(object, out);
  constexpr std::string_view kLabel = "Image pull secrets";
  const auto& names = arrayAt(object, {"imagePullSecrets"});
  if (names.empty()) out.field(0, kLabel, "<none>");
  for (size_t i = 0; i < names.size(); ++i) {
    out.line(0, (i == 0 ? std::string(kLabel) + ":" : "") + "\t" + textAt(names[i], {"name"}));
  }
  co_return;
}

namespace {

/// "creationTimestamp" -> "Creation Timestamp".
std::string smart(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool upper = c >= 'A' && c <= 'Z';
    const bool afterLower = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    const bool beforeLower = i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' &&
                             name[i + 1] <= 'z' && name[i - 1] >= 'A' && name[i - 1] <= 'Z';
    if (upper && (afterLower || beforeLower)) out.push_back(' ');
    out.push_back(i == 0 && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  }
  for (const char* word : {"Api", "Uid", "Url", "Ip"}) {
    if (out == word)
      std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      });
  }
  if (out.starts_with("Api ")) out = "API " + out.substr(4);
  return out;
}

std::string scalar(const json::value& value) {
  return value.is_null() ? "<nil>" : plainText(value);
}

void anyLines(const json::object& object, int level, DescribeWriter& out,
              const std::vector<std::string_view>& skip, int depth) {
  std::vector<std::string_view> names;
  for (const auto& member : object) names.emplace_back(member.key().data(), member.key().size());
  std::ranges::sort(names);
  for (auto name : names) {
    if (std::ranges::find(skip, name) != skip.end()) continue;
    const auto& value = object.at(key(name));
    const auto label = smart(name);
    if (value.is_object() && depth < 64) {
      out.line(level, label + ":");
      anyLines(value.get_object(), level + 1, out, {}, depth + 1);
    } else if (value.is_array()) {
      out.line(level, label + ":");
      for (const auto& item : value.get_array()) {
        if (item.is_object() && depth < 64) {
          anyLines(item.get_object(), level + 1, out, {}, depth + 1);
        } else {
          out.line(level + 1, scalar(item));
        }
      }
    } else {
      out.field(level, label, scalar(value));
    }
  }
}

}  // namespace

void describeAny(const json::value& object, DescribeWriter& out) {
  out.field(0, "Name", nameOf(object));
  out.field(0, "Namespace", namespaceOf(object));
  out.pairs("Labels", stringsAt(object, {"metadata", "labels"}));
  out.annotations(object);
  json::object copy = object.is_object() ? object.get_object() : json::object();
  auto* meta = copy.if_contains("metadata");
  if (meta && meta->is_object()) {
    for (const char* known : {"name", "namespace", "labels", "annotations", "managedFields"}) {
      meta->get_object().erase(known);
    }
  }
  anyLines(copy, 0, out, {}, 0);
}

}  // namespace coxswain::cli
