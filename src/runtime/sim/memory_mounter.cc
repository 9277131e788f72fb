#include <algorithm>
#include <cerrno>

#include "runtime/sim/memory_files_impl.h"

namespace coxswain::sim {

Status MemoryMounter::add(const std::string& place, const std::string& target, MountPoint mount) {
  if (reaction) TRY_STATUS(reaction("mount", target));
  TRY(const auto covered, files_.resolve(target, true, false));
  if (!files_.nodes_.contains(covered)) return errnoStatus("mount on " + target, ENOENT);
  files_.mounts_[covered].push_back(place);
  mount.path = target;
  table_.push_back(std::move(mount));
  return {};
}

Status MemoryMounter::bind(const std::string& source, const std::string& target,
                           BindOptions options) {
  TRY(const auto place, files_.resolve(source, true));
  if (!files_.nodes_.contains(place)) return errnoStatus("mount " + source, ENOENT);
  return add(place, target, MountPoint{"", source, "bind", source, options.readOnly});
}

Status MemoryMounter::bindBeneath(const std::string& root, const std::string& relative,
                                  const std::string& target, BindOptions options) {
  TRY(const auto base, files_.resolve(root, true));
  TRY(const auto place, files_.resolve(relative, true, true, base));
  const auto node = files_.nodes_.find(place);
  if (node == files_.nodes_.end()) return errnoStatus("open " + joinPath(root, relative), ENOENT);
  if (node->second.type == FileType::Directory) {
    TRY_STATUS(files_.mkdirs(target, 0750));
  } else {
    TRY_STATUS(files_.mkdirs(std::string(parentPath(target)), 0750));
    if (!files_.exists(target)) TRY_STATUS(files_.write(target, "", 0640));
  }
  const std::string source = joinPath(root, relative);
  return add(place, target, MountPoint{"", source, "bind", source, options.readOnly});
}

Status MemoryMounter::tmpfs(const std::string& target, uint64_t sizeBytes, uint32_t mode) {
  const std::string place = "/\x01tmpfs-" + std::to_string(made_++);
  files_.put(place, FileType::Directory, mode);
  TRY_STATUS(add(place, target, MountPoint{"", "tmpfs", "tmpfs", "/", false}));
  sizes_[target] = sizeBytes;
  return {};
}

Status MemoryMounter::unmount(const std::string& target) {
  if (reaction) TRY_STATUS(reaction("unmount", target));
  const auto line = std::find_if(table_.rbegin(), table_.rend(),
                                 [&](const MountPoint& m) { return m.path == target; });
  if (line == table_.rend()) return {};
  TRY(const auto covered, files_.resolve(target, true, false));
  auto& stack = files_.mounts_[covered];
  if (!stack.empty()) stack.pop_back();
  if (stack.empty()) files_.mounts_.erase(covered);
  table_.erase(std::next(line).base());
  sizes_.erase(target);
  return {};
}

Result<std::vector<MountPoint>> MemoryMounter::list() {
  return table_;
}

uint64_t MemoryMounter::sizeOf(const std::string& path) const {
  const auto found = sizes_.find(path);
  return found == sizes_.end() ? 0 : found->second;
}

}  // namespace coxswain::sim
