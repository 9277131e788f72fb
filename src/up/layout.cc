#include "up/layout.h"

#include <fmt/format.h>

#include <cstdint>

namespace coxswain::up {

Layout Layout::at(std::string data) {
  Layout layout;
  if (data == layout.data) return layout;
  layout.run = data + "/run";
  layout.data = std::move(data);
  return layout;
}

namespace {

bool isDefault(const Layout& layout) {
  return layout.data == Layout().data;
}

/// FNV-1a: the same name for the same folder, today and tomorrow.
uint32_t hashOf(const std::string& text) {
  uint32_t hash = 2166136261U;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
  return hash;
}

}  // namespace

std::string Layout::cgroup() const {
  return isDefault(*this) ? "coxswain" : fmt::format("coxswain-{:08x}", hashOf(data));
}

std::string Layout::podLogs() const {
  return isDefault(*this) ? "/var/log/pods" : data + "/logs/pods";
}

std::string Layout::containerLogs() const {
  return isDefault(*this) ? "/var/log/containers" : "";
}

}  // namespace coxswain::up
