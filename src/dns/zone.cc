#include "dns/zone.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/ip.h"
#include "base/text.h"

namespace coxswain::dns {

namespace core = api::core::v1;
namespace discovery = api::discovery::v1;

/// What a name is: absent, there (perhaps without records of the asked type), or not ours.
struct Zone::Found {
  bool exists = false;
  std::vector<Record> answers;
  std::vector<Record> additional;

  static Found absent() { return {}; }
  static Found empty() {
    Found found;
    found.exists = true;
    return found;
  }
};

struct Zone::PortLabels {
  std::string port;
  std::string protocol;
};

/// One address of a ready endpoint, and what it is called.
struct Zone::Entry {
  std::string label;
  std::string address;
  const discovery::EndpointSlice* slice;
};

namespace {

/// The bytes of an address where the question wants its family; empty: it does not.
std::string wantedBytes(const Question& question, std::string_view address) {
  auto ip = api::parseIpSloppy(address);
  if (!ip) return {};
  if (!question.is(ip->v6 ? Type::Aaaa : Type::A) && !question.is(Type::Any)) return {};
  return std::string(reinterpret_cast<const char*>(ip->bytes.data()), ip->v6 ? 16 : 4);
}

std::string anyBytes(std::string_view address) {
  auto ip = api::parseIpSloppy(address);
  if (!ip) return {};
  return std::string(reinterpret_cast<const char*>(ip->bytes.data()), ip->v6 ? 16 : 4);
}

/// "10.0.0.7" -> "10-0-0-7", "fd00::7" -> "fd00--7": how an endpoint without a host name is called.
std::string dashed(std::string_view address) {
  auto ip = api::parseIpSloppy(address);
  std::string out = ip ? ip->str() : std::string(address);
  std::replace(out.begin(), out.end(), '.', '-');
  std::replace(out.begin(), out.end(), ':', '-');
  return out;
}

std::string endpointLabel(const discovery::Endpoint& endpoint, std::string_view address) {
  if (endpoint.hostname && !endpoint.hostname->empty()) return lowerCase(*endpoint.hostname);
  return dashed(address);
}

bool isReady(const discovery::Endpoint& endpoint) {
  return endpoint.conditions.ready.value_or(true);
}

std::vector<std::string> clusterIpsOf(const core::Service& service) {
  if (!service.spec.clusterIPs.empty()) return service.spec.clusterIPs;
  if (service.spec.clusterIP.empty()) return {};
  return {service.spec.clusterIP};
}

bool isHeadless(const core::Service& service) {
  return service.spec.clusterIP == "None";
}

bool isProtocolLabel(std::string_view label) {
  return label == "_tcp" || label == "_udp" || label == "_sctp";
}

uint16_t srvWeight(size_t count) {
  return static_cast<uint16_t>(count == 0 ? 100 : std::max<size_t>(1, 100 / count));
}

/// Some port of `protocol` that has a name.
bool hasNamedPort(const std::vector<SlicePointer>& slices, std::string_view protocol) {
  for (const auto& slice : slices) {
    for (const auto& port : slice->ports) {
      if (lowerCase(port.protocol.value_or("TCP")) == protocol && !port.name.value_or("").empty())
        return true;
    }
  }
  return false;
}

}  // namespace

std::optional<Zone::PortLabels> Zone::portLabels(const std::vector<std::string>& labels) {
  if (labels.size() != 2 || !labels[0].starts_with('_') || !labels[1].starts_with('_'))
    return std::nullopt;
  return PortLabels{labels[0].substr(1), labels[1].substr(1)};
}

bool Zone::isPort(const discovery::EndpointPort& port, const PortLabels& wanted) {
  const auto name = lowerCase(port.name.value_or(""));
  return !name.empty() && name == wanted.port &&
         lowerCase(port.protocol.value_or("TCP")) == wanted.protocol;
}

bool Zone::hasPort(const discovery::EndpointSlice& slice, const PortLabels& wanted) {
  return std::any_of(slice.ports.begin(), slice.ports.end(),
                     [&](const auto& port) { return isPort(port, wanted); });
}

std::vector<Zone::Entry> Zone::readyEntries(const std::vector<SlicePointer>& slices) {
  std::vector<Entry> out;
  for (const auto& slice : slices) {
    for (const auto& endpoint : slice->endpoints) {
      if (!isReady(endpoint)) continue;
      for (const auto& address : endpoint.addresses)
        out.push_back({endpointLabel(endpoint, address), address, slice.get()});
    }
  }
  return out;
}

Zone::Zone(const Directory& directory, Random& random, ZoneOptions options)
    : directory_(directory), random_(random), options_(std::move(options)) {}

Name Zone::serviceName(const std::string& ns, const std::string& service) const {
  return options_.domain.under({service, ns, "svc"}).value_or(options_.domain);
}

Record Zone::soa() const {
  return soaRecord(options_.domain, options_.negativeTtl, 1);
}

void Zone::shuffle(std::vector<Record>& records) const {
  for (size_t i = records.size(); i > 1; --i) std::swap(records[i - 1], records[random_.below(i)]);
}

std::optional<Response> Zone::answer(const Question& question) const {
  if (question.klass != kClassIn) return std::nullopt;
  if (!question.name.endsWith(options_.domain)) return reverse(question);
  Response response;
  response.authoritative = true;
  if (!directory_.ready()) {
    response.authoritative = false;
    response.rcode = Rcode::ServFail;
    return response;
  }
  auto found = find(question);
  shuffle(found.answers);
  response.rcode = found.exists ? Rcode::NoError : Rcode::NxDomain;
  if (found.answers.empty()) response.authority.push_back(soa());
  response.answers = std::move(found.answers);
  response.additional = std::move(found.additional);
  return response;
}

Zone::Found Zone::find(const Question& question) const {
  auto labels = question.name.below(options_.domain);
  if (labels.empty()) return findApex(labels, question);
  const auto kind = labels.back();
  if (kind != "svc" && kind != "pod") return findApex(labels, question);
  labels.pop_back();
  if (labels.empty()) return Found::empty();
  if (!directory_.hasNamespace(labels.back())) return Found::absent();
  if (labels.size() == 1) return Found::empty();
  return kind == "svc" ? findService(labels, question) : findPod(labels, question);
}

Zone::Found Zone::findApex(const std::vector<std::string>& labels, const Question& question) const {
  auto found = Found::empty();
  const auto nameServer = options_.domain.under({"ns", "dns"});
  auto addresses = [&](const Name& owner, std::vector<Record>& into, bool any) {
    auto service = directory_.service("kube-system", "kube-dns");
    if (!service || isHeadless(*service)) return;
    for (const auto& ip : clusterIpsOf(*service)) {
      auto bytes = any ? anyBytes(ip) : wantedBytes(question, ip);
      if (!bytes.empty()) into.push_back(addressRecord(owner, options_.ttl, bytes));
    }
  };
  if (labels.empty()) {
    if (question.is(Type::Soa) || question.is(Type::Any)) found.answers.push_back(soa());
    if ((question.is(Type::Ns) || question.is(Type::Any)) && nameServer) {
      found.answers.push_back(nameRecord(options_.domain, Type::Ns, options_.ttl, *nameServer));
      addresses(*nameServer, found.additional, true);
    }
    return found;
  }
  if (labels == std::vector<std::string>{"dns-version"}) {
    if (question.is(Type::Txt) || question.is(Type::Any))
      found.answers.push_back(txtRecord(question.name, options_.ttl, "1.1.0"));
    return found;
  }
  if (labels == std::vector<std::string>{"dns"}) return found;
  if (labels == std::vector<std::string>{"ns", "dns"}) {
    addresses(question.name, found.answers, false);
    return found;
  }
  return Found::absent();
}

Zone::Found Zone::findService(const std::vector<std::string>& labels,
                              const Question& question) const {
  // LABELS... SERVICE NS
  const auto& ns = labels[labels.size() - 1];
  const auto& name = labels[labels.size() - 2];
  const auto service = directory_.service(ns, name);
  if (!service) return Found::absent();
  const std::vector<std::string> before(labels.begin(), labels.end() - 2);
  if (service->spec.type == "ExternalName") {
    if (!before.empty()) return Found::absent();
    auto found = Found::empty();
    auto target = Name::parse(service->spec.externalName);
    const bool wanted = question.is(Type::A) || question.is(Type::Aaaa) ||
                        question.is(Type::Cname) || question.is(Type::Any);
    if (target && target->size() > 0 && wanted) {
      found.answers.push_back(
          nameRecord(question.name, Type::Cname, options_.ttl, *std::move(target)));
    }
    return found;
  }
  return isHeadless(*service) ? findHeadless(*service, before, question)
                              : findClusterIp(*service, before, question);
}

Zone::Found Zone::findClusterIp(const core::Service& service,
                                const std::vector<std::string>& labels,
                                const Question& question) const {
  const auto owner = serviceName(service.metadata.namespace_, service.metadata.name);
  auto found = Found::empty();
  std::optional<PortLabels> wanted = portLabels(labels);
  if (labels.size() == 1 && isProtocolLabel(labels[0])) {
    for (const auto& port : service.spec.ports) {
      if ("_" + lowerCase(port.protocol) == labels[0] && !port.name.empty()) return found;
    }
    return Found::absent();
  }
  if (labels.size() == 1) {
    // An endpoint of a service with a cluster IP, by its host name or dashed address.
    bool any = false;
    const auto slices = directory_.slices(service.metadata.namespace_, service.metadata.name);
    for (const auto& entry : readyEntries(slices)) {
      if (entry.label != labels[0]) continue;
      any = true;
      auto bytes = wantedBytes(question, entry.address);
      if (!bytes.empty())
        found.answers.push_back(addressRecord(question.name, options_.ttl, bytes));
    }
    return any ? found : Found::absent();
  }
  if (!labels.empty() && !wanted) return Found::absent();

  std::vector<const core::ServicePort*> ports;
  for (const auto& port : service.spec.ports) {
    if (!wanted || (lowerCase(port.name) == wanted->port && !port.name.empty() &&
                    lowerCase(port.protocol) == wanted->protocol)) {
      ports.push_back(&port);
    }
  }
  if (wanted && ports.empty()) return Found::absent();
  if (question.is(Type::Srv)) {
    for (const auto* port : ports) {
      found.answers.push_back(srvRecord(question.name, options_.ttl, 0, srvWeight(ports.size()),
                                        static_cast<uint16_t>(port->port), owner));
    }
    for (const auto& ip : clusterIpsOf(service)) {
      auto bytes = anyBytes(ip);
      if (!bytes.empty()) found.additional.push_back(addressRecord(owner, options_.ttl, bytes));
    }
    return found;
  }
  for (const auto& ip : clusterIpsOf(service)) {
    auto bytes = wantedBytes(question, ip);
    if (!bytes.empty()) found.answers.push_back(addressRecord(question.name, options_.ttl, bytes));
  }
  return found;
}

Zone::Found Zone::findHeadless(const core::Service& service, const std::vector<std::string>& labels,
                               const Question& question) const {
  const auto slices = directory_.slices(service.metadata.namespace_, service.metadata.name);
  const auto wanted = portLabels(labels);
  auto entries = readyEntries(slices);
  if (labels.size() == 1 && isProtocolLabel(labels[0]))
    return hasNamedPort(slices, labels[0].substr(1)) ? Found::empty() : Found::absent();
  if (labels.size() == 1) {
    std::erase_if(entries, [&](const Entry& e) { return e.label != labels[0]; });
  } else if (wanted) {
    std::erase_if(entries, [&](const Entry& e) { return !hasPort(*e.slice, *wanted); });
  } else if (!labels.empty()) {
    return Found::absent();
  }
  // Without ready endpoints there is no such name.
  if (entries.empty()) return Found::absent();
  auto found = Found::empty();
  const auto owner = serviceName(service.metadata.namespace_, service.metadata.name);
  if (question.is(Type::Srv)) {
    addServices(found, entries, wanted, owner, question.name);
    return found;
  }
  std::set<std::string> told;
  for (const auto& entry : entries) {
    auto bytes = wantedBytes(question, entry.address);
    if (!bytes.empty() && told.insert(bytes).second)
      found.answers.push_back(addressRecord(question.name, options_.ttl, bytes));
  }
  return found;
}

void Zone::addServices(Found& found, const std::vector<Entry>& entries,
                       const std::optional<PortLabels>& wanted, const Name& owner,
                       const Name& asked) const {
  std::set<std::pair<std::string, int32_t>> told;
  std::set<std::string> addressed;
  std::vector<std::pair<Name, uint16_t>> services;
  for (const auto& entry : entries) {
    auto target = owner.under({entry.label});
    if (!target) continue;
    for (const auto& port : entry.slice->ports) {
      if (!port.port || (wanted && !isPort(port, *wanted))) continue;
      if (told.emplace(entry.label, *port.port).second)
        services.emplace_back(*target, static_cast<uint16_t>(*port.port));
    }
    auto bytes = anyBytes(entry.address);
    if (!bytes.empty() && addressed.insert(entry.label + bytes).second)
      found.additional.push_back(addressRecord(*target, options_.ttl, bytes));
  }
  for (auto& [target, port] : services) {
    found.answers.push_back(
        srvRecord(asked, options_.ttl, 0, srvWeight(services.size()), port, std::move(target)));
  }
  if (services.empty()) found.additional.clear();
}

Zone::Found Zone::findPod(const std::vector<std::string>& labels, const Question& question) const {
  if (labels.size() != 2 || !options_.podNames) return Found::absent();
  auto address = labels[0];
  const bool v4 = std::count(address.begin(), address.end(), '-') == 3 &&
                  address.find("--") == std::string::npos &&
                  address.find_first_not_of("0123456789-") == std::string::npos;
  std::replace(address.begin(), address.end(), '-', v4 ? '.' : ':');
  auto ip = api::parseIp(address);
  if (!ip) return Found::absent();
  auto found = Found::empty();
  auto bytes = wantedBytes(question, ip->str());
  if (!bytes.empty()) found.answers.push_back(addressRecord(question.name, options_.ttl, bytes));
  return found;
}

std::optional<Response> Zone::reverse(const Question& question) const {
  auto address = reverseAddress(question.name);
  if (!address || !directory_.ready()) return std::nullopt;
  std::vector<Record> answers;
  std::set<std::string> told;
  auto add = [&](Name target) {
    if (told.insert(target.key()).second)
      answers.push_back(nameRecord(question.name, Type::Ptr, options_.ttl, std::move(target)));
  };
  for (const auto& service : directory_.servicesAt(*address)) {
    if (!isHeadless(*service))
      add(serviceName(service->metadata.namespace_, service->metadata.name));
  }
  // An address that is both is a cluster IP.
  if (answers.empty()) {
    for (const auto& slice : directory_.slicesAt(*address)) {
      const auto service = serviceNameOf(*slice);
      if (service.empty()) continue;
      for (const auto& endpoint : slice->endpoints) {
        for (const auto& text : endpoint.addresses) {
          auto ip = api::parseIpSloppy(text);
          if (!ip || ip->str() != *address || !isReady(endpoint)) continue;
          auto target = serviceName(slice->metadata.namespace_, service)
                            .under({endpointLabel(endpoint, text)});
          if (target) add(*std::move(target));
        }
      }
    }
  }
  if (answers.empty()) return std::nullopt;
  Response response;
  response.authoritative = true;
  if (question.is(Type::Ptr) || question.is(Type::Any))
    response.answers = std::move(answers);
  else
    response.authority.push_back(soa());
  return response;
}

std::optional<Name> Zone::openTarget(const Response& response, const Question& question) const {
  if (response.answers.empty() || question.is(Type::Cname) || question.is(Type::Any))
    return std::nullopt;
  const auto& last = response.answers.back();
  if (last.type != Type::Cname || !last.target) return std::nullopt;
  return last.target;
}

}  // namespace coxswain::dns
