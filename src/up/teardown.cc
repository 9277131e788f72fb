#include "up/teardown.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::up {
namespace fs = std::filesystem;
namespace cri = kubelet::cri;
namespace {

const Logger kLog("teardown");

void keepFirst(Status& first, Status next) {
  if (first.ok() && !next.ok()) first = std::move(next);
}

Task<void> stopContainer(cri::RuntimeService& runtime, std::string id, int64_t grace, Status& first,
                         std::stop_token stop) {
  keepFirst(first, co_await runtime.stopContainer(id, grace, stop));
}

Task<void> endSandbox(cri::RuntimeService& runtime, std::string id, bool remove, Status& first,
                      std::stop_token stop) {
  Status stopped = co_await runtime.stopPodSandbox(id, stop);
  if (stopped.ok() && remove) stopped = co_await runtime.removePodSandbox(id, stop);
  keepFirst(first, std::move(stopped));
}

/// mountinfo writes space, tab, newline and backslash as \040 and so on (proc(5)).
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string wholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Task<std::string> outputOf(ProcessRunner& processes, std::vector<std::string> argv,
                           std::string input, std::stop_token stop) {
  RunOptions options;
  options.argv = std::move(argv);
  options.input = std::move(input);
  auto result = co_await processes.run(std::move(options), std::move(stop));
  co_return result.ok() && result->exit.ok() ? result->output : std::string();
}

/// The lines of iptables-save that delete every rule and chain of portmap; empty: there is none.
std::string portmapRemoval(std::string_view saved) {
  constexpr std::string_view kChain = "CNI-";
  std::vector<std::string> rules;
  std::vector<std::string> chains;
  std::istringstream lines{std::string(saved)};
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(":" + std::string(kChain))) {
      chains.push_back(line.substr(1, line.find(' ') - 1));
    } else if (line.starts_with("-A ") && line.find(kChain) != std::string::npos) {
      rules.push_back("-D" + line.substr(2));
    }
  }
  if (chains.empty()) return {};
  std::string text = "*nat\n";
  for (const auto& rule : rules) text += rule + "\n";
  for (const auto& chain : chains) text += "-X " + chain + "\n";
  return text + "COMMIT\n";
}

}  // namespace

Task<Status> endPods(cri::RuntimeService& runtime, int64_t graceSeconds, bool remove,
                     std::stop_token stop) {
  Status first;
  cri::ContainerFilter everyContainer;
  CO_TRY(auto containers, co_await runtime.listContainers(everyContainer, stop));
  std::vector<Task<void>> stops;
  for (const auto& container : containers) {
    if (container.state != cri::CONTAINER_RUNNING) continue;
    stops.push_back(stopContainer(runtime, container.id, graceSeconds, first, stop));
  }
  co_await whenAll(std::move(stops));

  cri::PodSandboxFilter everySandbox;
  CO_TRY(auto sandboxes, co_await runtime.listPodSandbox(everySandbox, stop));
  std::vector<Task<void>> ends;
  for (const auto& sandbox : sandboxes) {
    ends.push_back(endSandbox(runtime, sandbox.id, remove, first, stop));
  }
  co_await whenAll(std::move(ends));
  co_return first;
}

std::vector<std::string> mountsBelow(std::string_view mountinfo, std::string_view folder) {
  std::vector<std::string> found;
  std::istringstream lines{std::string(mountinfo)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;  // id, parent, device, root, mount point
    auto point = unescaped(word);
    if (point == folder || point.starts_with(std::string(folder) + "/")) found.push_back(point);
  }
  // A later mount lies upon an earlier one.
  std::reverse(found.begin(), found.end());
  return found;
}

Status unmountBelow(const std::string& folder) {
  Status first;
  for (const auto& point : mountsBelow(wholeFile("/proc/self/mountinfo"), folder)) {
    if (::umount2(point.c_str(), MNT_DETACH) != 0 && errno != EINVAL) {
      keepFirst(first, errnoStatus("unmount " + point, errno));
    }
  }
  return first;
}

std::vector<pid_t> shimsOf(const std::string& socket) {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    auto name = process.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    auto command = wholeFile(process.path() / "cmdline");
    auto program = fs::path(command.substr(0, command.find('\0'))).filename().string();
    if (!program.starts_with("containerd-shim")) continue;
    std::string wanted("-address");
    wanted.push_back('\0');
    wanted += socket;
    wanted.push_back('\0');
    if (command.find(wanted) != std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

Task<void> removeCniTraces(ProcessRunner& processes, std::string bridge, std::stop_token stop) {
  std::string none;
  std::vector<std::string> unlink = {"ip", "link", "delete", bridge};
  co_await outputOf(processes, std::move(unlink), none, stop);
  for (const char* family : {"iptables", "ip6tables"}) {
    std::vector<std::string> save = {std::string(family) + "-save", "-t", "nat"};
    auto saved = co_await outputOf(processes, std::move(save), none, stop);
    auto removal = portmapRemoval(saved);
    if (removal.empty()) continue;
    std::vector<std::string> restore = {std::string(family) + "-restore", "--noflush"};
    co_await outputOf(processes, std::move(restore), std::move(removal), stop);
  }
}

void removeCgroups(const std::string& root, const std::string& name) {
  std::error_code error;
  std::vector<fs::path> hierarchies = {root};
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) hierarchies.push_back(entry.path());
  }
  for (const auto& hierarchy : hierarchies) {
    auto top = hierarchy / name;
    if (!fs::is_directory(top, error)) continue;
    std::vector<fs::path> folders = {top};
    for (const auto& entry : fs::recursive_directory_iterator(top, error)) {
      if (entry.is_directory(error)) folders.push_back(entry.path());
    }
    // Their files are the kernel's; an empty cgroup goes by rmdir, children first.
    std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
      return a.native().size() > b.native().size();
    });
    for (const auto& folder : folders) {
      if (::rmdir(folder.c_str()) != 0) kLog.debug("cgroup stays", {{"path", folder.string()}});
    }
  }
}

}  // namespace coxswain::up
