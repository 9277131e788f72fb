#include "apiserver/allocators/service_addresses.h"

#include <algorithm>

namespace coxswain::apiserver {

bool ServiceAddresses::hasFamily(std::string_view family) const {
  return std::any_of(own_.begin(), own_.end(),
                     [&](const AddressRange& range) { return range.family() == family; });
}

std::string ServiceAddresses::firstOf(std::string_view family) const {
  for (const auto& range : own_) {
    if (range.family() == family) return range.first();
  }
  return {};
}

std::vector<AddressRange> ServiceAddresses::ready() const {
  if (!book_) return own_;
  auto kept = book_->ranges();
  auto isReady = [&](const std::string& cidr) {
    bool known = false;
    for (const auto& each : kept) {
      if (each.cidr != cidr) continue;
      if (each.ready) return true;
      known = true;
    }
    return !known;  // at the first start nobody has written it down yet
  };
  std::vector<AddressRange> out;
  for (const auto& range : own_) {
    if (isReady(range.str())) out.push_back(range);
  }
  for (const auto& each : kept) {
    auto range = AddressRange::create(each.cidr);
    if (!each.ready || !range.ok()) continue;
    const bool twice = std::any_of(out.begin(), out.end(), [&](const AddressRange& other) {
      return other.str() == range->str();
    });
    if (!twice) out.push_back(std::move(*range));
  }
  return out;
}

bool ServiceAddresses::isTaken(const std::string& address) const {
  return owners_.contains(address) || (book_ && book_->has(address));
}

Status ServiceAddresses::take(std::string_view address, const std::string& owner) {
  auto ip = api::parseIpSloppy(address);
  if (!ip) return badRequest("\"" + std::string(address) + "\" is not an address");
  auto ranges = ready();
  auto range = std::find_if(ranges.begin(), ranges.end(),
                            [&](const AddressRange& each) { return each.contains(*ip); });
  if (range == ranges.end()) {
    return badRequest("the provided network does not match the current range");
  }
  if (!range->has(*ip)) {
    return badRequest("the provided IP (" + ip->str() +
                      ") is not in the valid range. The range of valid IPs is " + range->str());
  }
  auto text = ip->str();
  if (isTaken(text)) return badRequest("provided IP is already allocated");
  owners_.emplace(std::move(text), owner);
  return {};
}

std::optional<std::string> ServiceAddresses::freeIn(const AddressRange& range, uint64_t from,
                                                    uint64_t to) {
  if (from >= to) return std::nullopt;
  // Some throws of the dice, which is enough in a range that is not nearly full; then in order,
  // which ends at the latest after all that are taken.
  constexpr int kThrows = 20;
  const auto count = to - from;
  for (int i = 0; i < kThrows; ++i) {
    auto address = range.at(from + random_.below(count));
    if (!isTaken(address)) return address;
  }
  const auto start = random_.below(count);
  for (uint64_t i = 0; i < count; ++i) {
    auto address = range.at(from + (start + i) % count);
    if (!isTaken(address)) return address;
  }
  return std::nullopt;
}

std::optional<std::string> ServiceAddresses::takeAny(std::string_view family,
                                                     const std::string& owner) {
  for (const auto& range : ready()) {
    if (range.family() != family) continue;
    auto found = freeIn(range, range.reserved(), range.size());
    if (!found) found = freeIn(range, 0, range.reserved());
    if (!found) continue;
    owners_.emplace(*found, owner);
    return found;
  }
  return std::nullopt;
}

Status ServiceAddresses::adopt(std::string_view address, const std::string& owner) {
  auto ip = api::parseIpSloppy(address);
  if (!ip) return badRequest("\"" + std::string(address) + "\" is not an address");
  if (owners_.try_emplace(ip->str(), owner).second) return {};
  return badRequest("two services have it");
}

void ServiceAddresses::give(std::string_view address, const std::string& owner) {
  auto ip = api::parseIpSloppy(address);
  auto found = ip ? owners_.find(ip->str()) : owners_.end();
  if (found != owners_.end() && found->second == owner) owners_.erase(found);
}

}  // namespace coxswain::apiserver
