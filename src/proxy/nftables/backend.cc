#include "proxy/nftables/backend.h"

#include <algorithm>

namespace coxswain::proxy::nftables {
namespace {

/// Names a service port among all: sorts by service, so that the first service wins a conflict.
std::string ownerOf(const ServicePort& port) {
  std::string owner = port.service;
  owner += ':';
  owner += port.portName;
  owner += '/';
  owner += protocolName(port.protocol);
  owner += port.family == Family::V4 ? "/4" : "/6";
  return owner;
}

std::vector<Endpoint> gone(const std::vector<Endpoint>& before,
                           const std::vector<Endpoint>& after) {
  std::vector<Endpoint> out;
  for (const auto& endpoint : before) {
    bool stays = std::any_of(after.begin(), after.end(), [&](const Endpoint& e) {
      return e.address == endpoint.address && e.port == endpoint.port;
    });
    if (!stays) out.push_back(endpoint);
  }
  return out;
}

Task<Result<std::string>> runNft(ProcessRunner& processes, std::vector<std::string> arguments,
                                 std::string input, std::stop_token stop) {
  RunOptions options;
  options.argv.emplace_back("nft");
  for (auto& argument : arguments) options.argv.push_back(std::move(argument));
  options.input = std::move(input);
  options.outputBytesMax = 64 << 20;
  CO_TRY(auto run, co_await processes.run(std::move(options), stop));
  if (run.exit.ok()) co_return std::move(run.output);
  auto text = run.error.substr(0, 500);
  if (text.find("Operation not permitted") != std::string::npos)
    co_return Status(Reason::Forbidden, 403, "nft: " + text);
  co_return internalError("nft ended with " + run.exit.describe() + ": " + text);
}

}  // namespace

Backend::Backend(ProcessRunner& processes, RuleOptions options, std::vector<Family> families)
    : processes_(processes), options_(std::move(options)), tables_(families.size()) {
  for (size_t i = 0; i < families.size(); ++i) tables_[i].family = families[i];
}

void Backend::put(const std::string& service, const std::vector<ServicePort>& ports) {
  std::set<std::string> owners;
  for (const auto& port : ports) {
    auto owner = ownerOf(port);
    for (auto& table : tables_) {
      if (table.family != port.family) continue;
      putPort(table, owner, &port);
      owners.insert(owner);
    }
  }
  auto& before = services_[service];
  for (const auto& owner : before) {
    if (owners.contains(owner)) continue;
    for (auto& table : tables_) {
      auto known = ports_.find(owner);
      if (known != ports_.end() && known->second.port.family == table.family)
        putPort(table, owner, nullptr);
    }
    ports_.erase(owner);
  }
  if (owners.empty())
    services_.erase(service);
  else
    before = std::move(owners);
}

void Backend::putPort(Table& table, const std::string& owner, const ServicePort* port) {
  auto& state = ports_[owner];
  if (state.port.affinitySeconds > 0 && table.family == Family::V4) {
    const auto key = std::string(protocolName(state.port.protocol)) + " . ";
    auto note = [&](const std::vector<Endpoint>& endpoints, uint16_t number) {
      for (const auto& e : endpoints) {
        table.staleAffinity.push_back({SetId::AffinityIps, key + std::to_string(number),
                                       e.address.str() + " . " + std::to_string(e.port)});
      }
    };
    static const std::vector<Endpoint> kNone;
    auto both = gone(state.port.endpoints, port ? port->endpoints : kNone);
    auto local = gone(state.port.localEndpoints, port ? port->localEndpoints : kNone);
    both.insert(both.end(), local.begin(), local.end());
    note(both, state.port.port);
    if (state.port.nodePort != 0) note(both, state.port.nodePort);
  }
  if (!port) {
    table.elements.put(owner, {});
    return;
  }
  auto ordered = *port;
  ordered.endpoints = keepOrder(state.port.endpoints, port->endpoints);
  ordered.localEndpoints = keepOrder(state.port.localEndpoints, port->localEndpoints);
  auto contribution = contributionOf(ordered);
  for (const auto& chain : contribution.chains) {
    if (!table.chains.contains(chain)) table.newChains.insert(chain);
  }
  table.elements.put(owner, std::move(contribution.elements));
  state.port = std::move(ordered);
}

Task<Status> Backend::write(std::stop_token stop) {
  for (auto& table : tables_) {
    Status written = co_await writeTable(table, stop);
    if (!written.ok()) {
      // Somebody may have taken the table away: the next one makes it new.
      table.installed = false;
      ++counts_.failed;
      co_return written;
    }
  }
  co_return Status();
}

Task<Status> Backend::writeTable(Table& table, std::stop_token stop) {
  std::string text;
  if (table.installed) {
    text = changeText(table.family, options_, table.newChains, table.elements.changes());
    if (!text.empty()) ++counts_.changed;
  } else {
    // Chains that nobody needs any more are left behind here.
    table.newChains.clear();
    for (const auto& [owner, state] : ports_) {
      if (state.port.family == table.family)
        table.newChains.merge(contributionOf(state.port).chains);
    }
    table.chains.clear();
    table.staleAffinity.clear();
    text = replaceText(table.family, options_, table.newChains, table.elements.all());
    ++counts_.replaced;
  }
  // What is put in while nft runs belongs to the next write.
  auto chains = std::move(table.newChains);
  table.newChains.clear();
  table.elements.markWritten();
  if (!text.empty()) {
    std::vector<std::string> arguments{"-f", "-"};
    auto done = co_await nft(std::move(arguments), std::move(text), stop);
    if (!done.ok()) co_return done.status();
  }
  table.installed = true;
  table.chains.merge(chains);
  for (const auto& chain : table.chains) table.newChains.erase(chain);
  co_return co_await dropStaleAffinity(table, stop);
}

Task<Status> Backend::dropStaleAffinity(Table& table, std::stop_token stop) {
  if (table.staleAffinity.empty()) co_return Status();
  auto stale = std::move(table.staleAffinity);
  table.staleAffinity.clear();
  const std::string family(familyName(table.family));
  // An entry may expire between the two commands, and nft then refuses: look again.
  Status last;
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::vector<std::string> list{"list", "map", family, std::string(kTable), "affinity"};
    CO_TRY(auto listing, co_await nft(std::move(list), "", stop));
    auto keys = staleKeys(listing, stale);
    if (keys.empty()) co_return Status();
    std::string text;
    for (const auto& key : keys)
      text +=
          "delete element " + family + " " + std::string(kTable) + " affinity { " + key + " }\n";
    std::vector<std::string> arguments{"-f", "-"};
    auto done = co_await nft(std::move(arguments), std::move(text), stop);
    if (done.ok()) co_return Status();
    last = done.status();
  }
  co_return last;
}

Task<Result<std::string>> Backend::nft(std::vector<std::string> arguments, std::string input,
                                       std::stop_token stop) {
  return runNft(processes_, std::move(arguments), std::move(input), std::move(stop));
}

void Backend::forget() {
  for (auto& table : tables_) table.installed = false;
}

size_t Backend::elementCount() const {
  size_t count = 0;
  for (const auto& table : tables_) count += table.elements.size();
  return count;
}

Task<Status> Backend::removeAll(ProcessRunner& processes, std::stop_token stop) {
  std::vector<std::string> arguments{"-f", "-"};
  auto text = removeText(Family::V4) + removeText(Family::V6);
  auto done = co_await runNft(processes, std::move(arguments), std::move(text), stop);
  co_return done.ok() ? Status() : done.status();
}

std::vector<std::string> staleKeys(std::string_view listing, const std::vector<Element>& stale) {
  // ... elements = { 10.0.0.9 . 10.96.0.1 . tcp . 80 timeout 3h expires 2h59m : 10.244.0.7 . 8080,
  //                  ... }
  std::vector<std::string> out;
  const auto begin = listing.find("elements = {");
  if (begin == std::string_view::npos) return out;
  auto rest = listing.substr(begin + std::string_view("elements = {").size());
  rest = rest.substr(0, rest.find('}'));
  auto trim = [](std::string_view text) {
    const auto first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) return std::string_view();
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
  };
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    auto entry = trim(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    // IPv6 addresses have colons too, but none with spaces around.
    const auto colon = entry.find(" : ");
    if (colon == std::string_view::npos) continue;
    auto key = trim(entry.substr(0, std::min(entry.find(" timeout "), colon)));
    key = key.substr(0, key.find(" expires "));
    const auto value = trim(entry.substr(colon + 3));
    bool dead = std::any_of(stale.begin(), stale.end(), [&](const Element& e) {
      return e.value == value && key.ends_with(" . " + e.key);
    });
    if (dead) out.emplace_back(key);
  }
  return out;
}

}  // namespace coxswain::proxy::nftables
