#include "cmd/up/runtime_access.h"

#include <filesystem>
#include <fstream>

#include "pause/pause_image.h"
#include "up/preflight.h"

namespace coxswain::cmd {
namespace {

constexpr std::string_view kUnix = "unix://";

std::string noteFile(const up::Layout& layout) {
  return layout.data + "/runtime-endpoint";
}

}  // namespace

up::ContainerdSettings ownContainerd(const up::Layout& layout, const std::string& cniPlugins) {
  up::PreflightRequest look;
  look.cniPluginFolder = cniPlugins;
  up::ContainerdSettings settings;
  settings.configFile = layout.containerdConfig();
  settings.root = layout.containerdRoot();
  settings.state = layout.containerdState();
  settings.socket = layout.containerdSocket();
  settings.pidFile = layout.run + "/containerd.pid";
  settings.logFile = layout.logs() + "/containerd.log";
  settings.sandboxImage = kPauseImageName;
  settings.cniConfigFolder = layout.cniConfig();
  settings.cniPluginFolder = up::inspect(look).facts.cniPluginFolder;
  settings.snapshotter = up::overlayWorks(settings.root) ? "overlayfs" : "native";
  settings.restrictOomScore = !up::mayLowerOomScore();
  return settings;
}

RuntimeAccess runtimeOf(const up::Layout& layout) {
  RuntimeAccess access;
  std::string noted;
  std::getline(std::ifstream(noteFile(layout)) >> std::ws, noted);
  if (noted.empty()) {
    access.settings = ownContainerd(layout, "");
    access.endpoint = std::string(kUnix) + access.settings.socket;
    return access;
  }
  access.own = false;
  access.endpoint = noted;
  access.settings.socket = noted.starts_with(kUnix) ? noted.substr(kUnix.size()) : noted;
  return access;
}

void rememberRuntime(const up::Layout& layout, const std::string& endpoint) {
  std::error_code error;
  if (endpoint.empty()) {
    std::filesystem::remove(noteFile(layout), error);
  } else {
    std::ofstream(noteFile(layout), std::ios::trunc) << endpoint << "\n";
  }
}

}  // namespace coxswain::cmd
