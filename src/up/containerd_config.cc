#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "up/containerd.h"

namespace coxswain::up {
namespace {

/// A TOML basic string.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

std::string containerdConfig(const ContainerdSettings& settings) {
  std::string text;
  auto line = [&text](const std::string& more) { text += more + "\n"; };
  line("# Written by coxswain up at each start; changes are lost.");
  line("version = 2");
  line("root = " + quoted(settings.root));
  line("state = " + quoted(settings.state));
  // Snapshotters and services that no pod uses; each unknown name is ignored by containerd.
  line(
      "disabled_plugins = [\"io.containerd.snapshotter.v1.aufs\", "
      "\"io.containerd.snapshotter.v1.btrfs\", \"io.containerd.snapshotter.v1.devmapper\", "
      "\"io.containerd.snapshotter.v1.zfs\", \"io.containerd.tracing.processor.v1.otlp\", "
      "\"io.containerd.internal.v1.tracing\", \"io.containerd.internal.v1.opt\"]");
  line("[grpc]");
  line("address = " + quoted(settings.socket));
  line("[debug]");
  line("level = \"warn\"");
  line("[plugins.\"io.containerd.grpc.v1.cri\"]");
  line("sandbox_image = " + quoted(settings.sandboxImage));
  line("stream_server_address = \"127.0.0.1\"");
  line("stream_server_port = \"0\"");
  if (settings.restrictOomScore) line("restrict_oom_score_adj = true");
  line("[plugins.\"io.containerd.grpc.v1.cri\".cni]");
  line("bin_dir = " + quoted(settings.cniPluginFolder));
  line("conf_dir = " + quoted(settings.cniConfigFolder));
  line("[plugins.\"io.containerd.grpc.v1.cri\".containerd]");
  line("snapshotter = " + quoted(settings.snapshotter));
  line("default_runtime_name = \"runc\"");
  line("[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]");
  line("runtime_type = \"io.containerd.runc.v2\"");
  line("[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]");
  line("SystemdCgroup = false");
  return text;
}

bool mayLowerOomScore() {
  constexpr const char* kFile = "/proc/self/oom_score_adj";
  int before = 0;
  std::ifstream(kFile) >> before;
  {
    std::ofstream lower(kFile);
    lower << before - 1;
    if (!lower.flush()) return false;
  }
  std::ofstream(kFile) << before;
  return true;
}

bool overlayWorks(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(folder, error);
  auto text = folder + "/overlay-test-XXXXXX";
  if (::mkdtemp(text.data()) == nullptr) return false;
  fs::path base(text);
  for (const char* name : {"lower", "upper", "work", "merged"})
    fs::create_directory(base / name, error);
  auto options = "lowerdir=" + (base / "lower").string() +
                 ",upperdir=" + (base / "upper").string() + ",workdir=" + (base / "work").string();
  auto target = (base / "merged").string();
  bool works = ::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) == 0;
  if (works) ::umount2(target.c_str(), MNT_DETACH);
  fs::remove_all(base, error);
  return works;
}

}  // namespace coxswain::up
