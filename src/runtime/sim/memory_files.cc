#include "runtime/sim/memory_files.h"

#include <algorithm>
#include <cerrno>

#include "runtime/executor.h"
#include "runtime/sim/memory_files_impl.h"

namespace coxswain::sim {
namespace {

bool isBelow(const std::string& path, const std::string& folder) {
  if (folder == "/") return true;
  return path == folder || path.starts_with(folder + "/");
}

constexpr int kLinksMax = 40;

}  // namespace

MemoryFiles::MemoryFiles() {
  put("/", FileType::Directory, 0755);
}
MemoryFiles::~MemoryFiles() = default;

void MemoryFiles::putSpecial(const std::string& path, FileType type) {
  const auto place = placeFor(path);
  COXSWAIN_ASSERT(place.ok());
  put(*place, type, 0644);
}

Result<std::string> MemoryFiles::resolve(const std::string& path, bool follow, bool crossLast,
                                         const std::string& beneath) const {
  std::vector<std::string> todo;  // reversed
  const auto push = [&todo](std::string_view text) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('/', at), text.size());
      if (end > at) parts.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
    todo.insert(todo.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  const std::string root = beneath.empty() ? "/" : beneath;
  std::string here = root;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      if (here == root && !beneath.empty()) return badRequest("path " + path + " leaves");
      here = std::string(parentPath(here));
      continue;
    }
    const std::string next = joinPath(here, part);
    const auto node = nodes_.find(next);
    if (node == nodes_.end()) {
      if (todo.empty()) return Result<std::string>(next);
      return errnoStatus("open " + path, ENOENT);
    }
    if (node->second.type == FileType::Symlink && (follow || !todo.empty())) {
      if (++links > kLinksMax) return errnoStatus("open " + path, ELOOP);
      if (node->second.data.starts_with('/')) {
        if (!beneath.empty()) return badRequest("path " + path + " leaves");
        here = "/";
      }
      push(node->second.data);
      continue;
    }
    here = next;
    const auto covered = mounts_.find(here);
    if (covered != mounts_.end() && (crossLast || !todo.empty())) here = covered->second.back();
    const auto at = nodes_.find(here);
    if (!todo.empty() && at != nodes_.end() && at->second.type != FileType::Directory) {
      return errnoStatus("open " + path, ENOTDIR);
    }
  }
  return here;
}

Result<MemoryFiles::Node*> MemoryFiles::find(const std::string& path, bool follow) {
  TRY(const auto place, resolve(path, follow));
  const auto node = nodes_.find(place);
  if (node == nodes_.end()) return errnoStatus("open " + path, ENOENT);
  return &node->second;
}

Result<std::string> MemoryFiles::placeFor(const std::string& path) const {
  TRY(const auto folder, resolve(std::string(parentPath(path)), true));
  const auto node = nodes_.find(folder);
  if (node == nodes_.end()) return errnoStatus("open " + path, ENOENT);
  if (node->second.type != FileType::Directory) return errnoStatus("open " + path, ENOTDIR);
  return joinPath(folder, baseName(path));
}

MemoryFiles::Node& MemoryFiles::put(const std::string& place, FileType type, uint32_t mode) {
  Node node;
  node.type = type;
  node.mode = mode;
  node.inode = ++inodes_;
  if (const auto* executor = Executor::current()) node.modified = executor->wallNow();
  Node& made = nodes_[place] = std::move(node);
  changedIn(place);
  return made;
}

Status MemoryFiles::ask(std::string_view verb, const std::string& path) const {
  return reaction ? reaction(verb, path) : Status();
}

bool MemoryFiles::mountedBelow(const std::string& place) const {
  return std::any_of(mounts_.begin(), mounts_.end(),
                     [&](const auto& mount) { return isBelow(mount.first, place); });
}

Result<std::string> MemoryFiles::read(const std::string& path, size_t sizeMax) {
  TRY(const Node* node, find(path, true));
  if (node->type == FileType::Directory) return errnoStatus("read " + path, EISDIR);
  if (node->data.size() > sizeMax) return requestEntityTooLarge("read " + path + ": too large");
  return node->data;
}

Status MemoryFiles::write(const std::string& path, std::string_view data, uint32_t mode) {
  TRY_STATUS(ask("write", path));
  TRY(const auto place, resolve(path, true));
  auto node = nodes_.find(place);
  if (node == nodes_.end()) {
    TRY(const auto fresh, placeFor(path));
    put(place, FileType::Regular, mode);
    node = nodes_.find(place);
  } else if (node->second.type == FileType::Directory) {
    return errnoStatus("open " + path, EISDIR);
  }
  node->second.data = data;
  changedIn(place);
  return {};
}

Status MemoryFiles::writeAtomically(const std::string& path, std::string_view data, uint32_t mode) {
  TRY_STATUS(ask("write", path));
  TRY(const auto place, placeFor(path));
  if (const auto old = nodes_.find(place);
      old != nodes_.end() && old->second.type == FileType::Directory) {
    return errnoStatus("rename " + path, EISDIR);
  }
  put(place, FileType::Regular, mode).data = data;
  return {};
}

Result<FileInfo> MemoryFiles::stat(const std::string& path) {
  TRY(const Node* node, find(path, true));
  return node->info();
}

Result<FileInfo> MemoryFiles::lstat(const std::string& path) {
  TRY(const Node* node, find(path, false));
  return node->info();
}

Result<std::vector<std::string>> MemoryFiles::list(const std::string& path) {
  TRY(const auto place, resolve(path, true));
  const auto folder = nodes_.find(place);
  if (folder == nodes_.end()) return errnoStatus("open " + path, ENOENT);
  if (folder->second.type != FileType::Directory) return errnoStatus("open " + path, ENOTDIR);
  const std::string prefix = place == "/" ? place : place + "/";
  std::vector<std::string> names;
  for (auto at = nodes_.lower_bound(prefix); at != nodes_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    const std::string name = at->first.substr(prefix.size());
    if (!name.empty() && name.find('/') == std::string::npos) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status MemoryFiles::mkdirs(const std::string& path, uint32_t mode) {
  if (auto info = stat(path); info.ok()) {
    return info->isDirectory() ? Status() : errnoStatus("mkdir " + path, ENOTDIR);
  }
  TRY_STATUS(mkdirs(std::string(parentPath(path)), mode));
  TRY_STATUS(ask("mkdir", path));
  TRY(const auto place, placeFor(path));
  put(place, FileType::Directory, mode);
  return {};
}

Status MemoryFiles::mkdirsBeneath(const std::string& root, const std::string& relative,
                                  uint32_t mode) {
  TRY(const auto base, resolve(root, true));
  std::string done;
  for (size_t at = 0; at < relative.size();) {
    const size_t end = std::min(relative.find('/', at), relative.size());
    const std::string part = relative.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return badRequest("path " + relative + " must not contain \"..\"");
    done = joinPath(done, part);
    TRY(const auto place, resolve(done, true, true, base));
    if (nodes_.contains(place)) continue;
    TRY_STATUS(ask("mkdir", joinPath(root, done)));
    put(place, FileType::Directory, mode);
  }
  return {};
}

Status MemoryFiles::remove(const std::string& path) {
  TRY_STATUS(ask("remove", path));
  auto place = resolve(path, false, false);
  if (!place.ok() || !nodes_.contains(*place)) return {};
  if (mounts_.contains(*place)) return errnoStatus("remove " + path, EBUSY);
  if (const auto below = list(path);
      below.ok() && !below->empty() && nodes_.at(*place).type == FileType::Directory) {
    return errnoStatus("remove " + path, ENOTEMPTY);
  }
  nodes_.erase(*place);
  changedIn(*place);
  return {};
}

Status MemoryFiles::removeAll(const std::string& path) {
  TRY_STATUS(ask("remove", path));
  auto place = resolve(path, false, false);
  if (!place.ok() || !nodes_.contains(*place)) return {};
  const bool mounted = mountedBelow(*place);
  std::erase_if(nodes_, [&](const auto& entry) {
    return isBelow(entry.first, *place) && !mountedBelow(entry.first);
  });
  changedIn(*place);
  if (!mounted) return {};
  return Status(Reason::Conflict, 409, "remove " + path + ": something is mounted below");
}

Status MemoryFiles::rename(const std::string& from, const std::string& to) {
  TRY_STATUS(ask("rename", from));
  TRY(const auto source, resolve(from, false, false));
  TRY(const auto target, placeFor(to));
  if (!nodes_.contains(source)) return errnoStatus("rename " + from + " to " + to, ENOENT);
  if (mountedBelow(source)) return errnoStatus("rename " + from + " to " + to, EBUSY);
  const auto old = nodes_.find(target);
  if (old != nodes_.end() && old->second.type == FileType::Directory) {
    const auto inside = list(to);
    if (inside.ok() && !inside->empty()) return errnoStatus("rename " + from, ENOTEMPTY);
  }
  std::map<std::string, Node> moved;
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    if (!isBelow(at->first, source)) {
      ++at;
      continue;
    }
    moved.emplace(target + at->first.substr(source.size()), std::move(at->second));
    at = nodes_.erase(at);
  }
  for (auto& [place, node] : moved) nodes_[place] = std::move(node);
  changedIn(source);
  changedIn(target);
  return {};
}

Status MemoryFiles::symlink(const std::string& target, const std::string& link) {
  TRY_STATUS(ask("symlink", link));
  TRY(const auto place, placeFor(link));
  if (nodes_.contains(place)) return errnoStatus("symlink " + link, EEXIST);
  put(place, FileType::Symlink, 0777).data = target;
  return {};
}

Result<std::string> MemoryFiles::readlink(const std::string& path) {
  TRY(const Node* node, find(path, false));
  if (node->type != FileType::Symlink) return errnoStatus("readlink " + path, EINVAL);
  return node->data;
}

Status MemoryFiles::chmod(const std::string& path, uint32_t mode) {
  TRY_STATUS(ask("chmod", path));
  TRY(Node * node, find(path, true));
  node->mode = mode;
  return {};
}

Status MemoryFiles::chown(const std::string& path, int64_t uid, int64_t gid) {
  TRY_STATUS(ask("chown", path));
  TRY(Node * node, find(path, false));
  if (uid >= 0) node->uid = static_cast<uint32_t>(uid);
  if (gid >= 0) node->gid = static_cast<uint32_t>(gid);
  return {};
}

Result<FileSystemInfo> MemoryFiles::statfs(const std::string& path) {
  TRY(const Node* node, find(path, true));
  (void)node;
  return fileSystem;
}

}  // namespace coxswain::sim
