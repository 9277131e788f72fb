#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coxswain::scheduler::plugins {

/// Numbers by topology: label key of nodes ("topology.kubernetes.io/zone"), then its value. Looking
/// up allocates nothing.
class TopologyCounts {
 public:
  void add(std::string_view key, const std::string& value, int64_t by) {
    auto& values = of(key);
    const auto at = values.try_emplace(value, 0).first;
    at->second += by;
    if (at->second == 0) values.erase(at);
  }
  [[nodiscard]] int64_t get(std::string_view key, const std::string& value) const {
    for (const auto& [have, values] : keys_) {
      if (have != key) continue;
      const auto at = values.find(value);
      return at == values.end() ? 0 : at->second;
    }
    return 0;
  }
  /// No number differs from zero.
  [[nodiscard]] bool empty() const {
    for (const auto& [key, values] : keys_)
      if (!values.empty()) return false;
    return true;
  }

 private:
  using Values = std::unordered_map<std::string, int64_t>;
  Values& of(std::string_view key) {
    for (auto& [have, values] : keys_)
      if (have == key) return values;
    return keys_.emplace_back(std::string(key), Values()).second;
  }
  std::vector<std::pair<std::string, Values>> keys_;
};

}  // namespace coxswain::scheduler::plugins
