#include "cli/remote/ports.h"

#include <charconv>
#include <optional>

#include "cli/framework/errors.h"

namespace coxswain::cli {
namespace {

std::optional<uint16_t> number(const std::string& text) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value > 65535) return std::nullopt;
  return static_cast<uint16_t>(value);
}

bool isNumeric(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// A container's port by its name.
std::optional<uint16_t> podPort(const json::value& pod, const std::string& name) {
  for (const char* member : {"containers", "initContainers"})
    for (const auto& container : arrayAt(pod, {"spec", member}))
      for (const auto& port : arrayAt(container, {"ports"}))
        if (textAt(port, {"name"}) == name)
          return static_cast<uint16_t>(integerAt(port, {"containerPort"}));
  return std::nullopt;
}

Result<uint16_t> namedPodPort(const json::value& pod, const std::string& name) {
  auto port = podPort(pod, name);
  if (!port) return fault("Pod '" + nameOf(pod) + "' does not have a named port '" + name + "'");
  return *port;
}

/// Where a service's port leads in its pod.
Result<uint16_t> targetOf(const json::value& service, const json::value& port,
                          const json::value& pod) {
  auto own = static_cast<uint16_t>(integerAt(port, {"port"}));
  if (textAt(service, {"spec", "clusterIP"}) == "None" && !at(port, {"targetPort"})) return own;
  const auto* target = at(port, {"targetPort"});
  if (!target) return own;
  if (target->is_string()) return namedPodPort(pod, std::string(view(target->as_string())));
  auto value = integerAt(port, {"targetPort"});
  return value == 0 ? own : static_cast<uint16_t>(value);
}

struct Remote {
  uint16_t port = 0;     ///< in the pod
  uint16_t service = 0;  ///< of the service; what "REMOTE" alone means locally
};

Result<Remote> servicePort(const json::value& service, const json::value& pod,
                           const std::string& text) {
  for (const auto& port : arrayAt(service, {"spec", "ports"})) {
    auto own = static_cast<uint16_t>(integerAt(port, {"port"}));
    bool matches = isNumeric(text) ? number(text) == own : textAt(port, {"name"}) == text;
    if (!matches) continue;
    if (textAt(port, {"protocol"}) == "UDP")
      return fault("UDP protocol is not supported for " + text);
    TRY(auto target, targetOf(service, port, pod));
    return Remote{target, own};
  }
  if (isNumeric(text))
    return fault("Service " + nameOf(service) + " does not have a service port " + text);
  return fault("Service '" + nameOf(service) + "' does not have a named port '" + text + "'");
}

Result<ForwardedPort> one(const json::value& object, const json::value& pod,
                          const std::string& text) {
  auto colon = text.find(':');
  bool both = colon != std::string::npos;
  auto local = text.substr(0, colon);
  auto remote = both ? text.substr(colon + 1) : text;
  if (remote.find(':') != std::string::npos) return fault("invalid port format '" + text + "'");
  if (remote.empty()) return fault("remote port cannot be empty");
  Remote found;
  if (kindOf(object) == "Service") {
    TRY(found, servicePort(object, pod, remote));
  } else if (isNumeric(remote)) {
    auto port = number(remote);
    if (!port) return fault("error parsing remote port '" + remote + "': value out of range");
    found = {*port, *port};
  } else {
    TRY(found.port, namedPodPort(pod, remote));
    found.service = found.port;
  }
  if (found.port == 0) return fault("remote port must be > 0");
  ForwardedPort out;
  out.remote = found.port;
  if (!both) {
    out.local = found.service;
  } else if (!local.empty()) {
    auto port = number(local);
    if (!port) return fault("error parsing local port '" + local + "': invalid syntax");
    out.local = *port;
  }
  return out;
}

}  // namespace

Result<std::vector<ForwardedPort>> forwardedPorts(const json::value& object, const json::value& pod,
                                                  const std::vector<std::string>& texts) {
  std::vector<ForwardedPort> out;
  for (const auto& text : texts) {
    TRY(auto port, one(object, pod, text));
    out.push_back(port);
  }
  return out;
}

}  // namespace coxswain::cli
