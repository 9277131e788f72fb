#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coxswain::proxy::nftables {

/// The sets and maps of our table; rules.cc says what each is for.
enum class SetId : uint8_t {
  ClusterIps,
  Hairpin,
  Firewalled,
  SourceRanges,
  ServiceIps,
  NodePorts,
  NoEndpointIps,
  NoEndpointPorts,
  EndpointsTcp,
  EndpointsUdp,
  EndpointsSctp,
  PortEndpointsTcp,
  PortEndpointsUdp,
  PortEndpointsSctp,
  AffinityIps,
  AffinityPorts,
};
inline constexpr size_t kSetCount = 16;

/// An element as nft writes it: "10.96.0.1 . tcp . 443", and what a map leads to.
struct Element {
  SetId set = SetId::ClusterIps;
  std::string key;
  std::string value;  ///< empty for sets
  bool operator==(const Element&) const = default;
};

/// Every element that the table of one family shall have. Owners (service ports) put theirs in as a
/// whole; where two want the same key (an external address that two services name) the owner that
/// sorts first has it until it goes. Remembers what changed since the kernel was last told.
class ElementStore {
 public:
  struct Changes {
    std::vector<Element> removed;
    std::vector<Element> added;
    [[nodiscard]] bool empty() const { return removed.empty() && added.empty(); }
  };

  /// Takes the place of what `owner` had; empty: the owner goes.
  void put(const std::string& owner, std::vector<Element> elements);
  /// What turns the kernel's elements into these. A changed value is removed and added.
  [[nodiscard]] Changes changes() const;
  /// The kernel has them.
  void markWritten() { before_.clear(); }
  [[nodiscard]] std::vector<Element> all() const;
  [[nodiscard]] size_t size() const;

 private:
  struct Claim {
    const std::string* owner;
    std::string value;
  };
  using Claims = std::vector<Claim>;  // sorted by owner; the first one counts
  struct KeyOf {
    SetId set;
    std::string key;
    auto operator<=>(const KeyOf&) const = default;
  };

  [[nodiscard]] std::optional<std::string> valueOf(SetId set, const std::string& key) const;
  void touch(const Element& element);
  void claim(const std::string* owner, const Element& element);
  void unclaim(const std::string* owner, const Element& element);

  std::map<std::string, std::vector<Element>> owners_;
  std::array<std::unordered_map<std::string, Claims>, kSetCount> sets_;
  /// Keys whose claims changed, with the value the kernel has.
  std::map<KeyOf, std::optional<std::string>> before_;
};

}  // namespace coxswain::proxy::nftables
