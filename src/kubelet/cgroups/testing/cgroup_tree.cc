#include "kubelet/cgroups/testing/cgroup_tree.h"

#include <cstdlib>
#include <filesystem>

#include "base/assert.h"

namespace coxswain::kubelet::testing {

namespace fs = std::filesystem;

Status CgroupFiles::mkdirs(const std::string& path, uint32_t mode) {
  std::vector<std::string> fresh;
  for (std::string at = path; at.size() > 1 && !exists(at); at = std::string(parentPath(at))) {
    fresh.push_back(at);
  }
  TRY_STATUS(SystemFiles::mkdirs(path, mode));
  for (const auto& folder : fresh) TRY_STATUS(addKnobs(folder));
  return {};
}

Status CgroupFiles::addKnobs(const std::string& folder) {
  TRY_STATUS(write(folder + "/cgroup.procs", "", 0644));
  if (v2_) {
    TRY_STATUS(write(folder + "/cgroup.controllers", "cpuset cpu memory pids\n", 0644));
    return write(folder + "/cgroup.subtree_control", "", 0644);
  }
  TRY_STATUS(write(folder + "/cpuset.cpus", "", 0644));
  return write(folder + "/cpuset.mems", "", 0644);
}

Status CgroupFiles::remove(const std::string& path) {
  auto procs = read(path + "/cgroup.procs");
  if (procs.ok() && !procs->empty()) return errnoStatus("rmdir " + path, EBUSY);
  TRY(auto names, list(path));
  for (const auto& name : names) {
    TRY(auto info, lstat(joinPath(path, name)));
    if (info.isDirectory()) return errnoStatus("rmdir " + path, EBUSY);
  }
  for (const auto& name : names) TRY_STATUS(SystemFiles::remove(joinPath(path, name)));
  return SystemFiles::remove(path);
}

CgroupTree::CgroupTree(bool v2) : files(v2) {
  std::string name = (fs::temp_directory_path() / "cgroup_tree_XXXXXX").string();
  COXSWAIN_ASSERT(::mkdtemp(name.data()) != nullptr);
  root_ = name;
  layout.v2 = v2;
  if (v2) {
    layout.unified = root_;
    COXSWAIN_ASSERT(
        files.write(root_ + "/cgroup.controllers", "cpuset cpu memory pids\n", 0644).ok());
    return;
  }
  for (const char* controller : {"cpu", "cpuset", "memory", "pids"}) {
    std::string folder = root_ + "/" + controller;
    layout.controllers[controller] = folder;
    COXSWAIN_ASSERT(files.mkdirs(folder, 0755).ok());
  }
  COXSWAIN_ASSERT(files.write(root_ + "/cpuset/cpuset.cpus", "0-1\n", 0644).ok());
  COXSWAIN_ASSERT(files.write(root_ + "/cpuset/cpuset.mems", "0\n", 0644).ok());
}

CgroupTree::~CgroupTree() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

std::string CgroupTree::read(const std::string& path) {
  return files.read(root_ + "/" + path).valueOr("?");
}

void CgroupTree::addProcess(const std::string& group, int pid) {
  COXSWAIN_ASSERT(files.mkdirs(root_ + "/" + group, 0755).ok());
  std::string file = root_ + "/" + group + "/cgroup.procs";
  COXSWAIN_ASSERT(files.write(file, std::to_string(pid) + "\n", 0644).ok());
}

void CgroupTree::endProcess(int pid) {
  std::string line = std::to_string(pid) + "\n";
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (entry.path().filename() != "cgroup.procs") continue;
    auto text = files.read(entry.path().string());
    if (text.ok() && *text == line) {
      COXSWAIN_ASSERT(files.write(entry.path().string(), "", 0644).ok());
    }
  }
}

}  // namespace coxswain::kubelet::testing
