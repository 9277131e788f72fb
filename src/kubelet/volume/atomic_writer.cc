#include "kubelet/volume/atomic_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <set>

namespace coxswain::kubelet {
namespace {

constexpr size_t kPathMax = 4096;
constexpr size_t kNameMax = 255;

Status checkPath(const std::string& path) {
  if (path.empty()) return badRequest("invalid path: must not be empty: \"\"");
  if (path.front() == '/') {
    return badRequest("invalid path: must be relative path: " + path);
  }
  if (path.size() > kPathMax) {
    return badRequest("invalid path: must be less than or equal to 4096 characters");
  }
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = std::string_view(path).substr(at, end - at);
    if (part == "..") return badRequest("invalid path: must not contain '..': " + path);
    if (part.size() > kNameMax) {
      return badRequest("invalid path: filenames must be less than or equal to 255 characters");
    }
    at = end + 1;
  }
  if (path.starts_with("..")) {
    return badRequest("invalid path: must not start with '..': " + path);
  }
  return {};
}

std::string firstPart(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}

/// Files below `folder` by their relative paths.
void collectFiles(Files& files, const std::string& folder, const std::string& prefix,
                  std::set<std::string>& found) {
  const auto names = files.list(folder);
  if (!names.ok()) return;
  for (const auto& name : *names) {
    const std::string path = joinPath(folder, name);
    const auto info = files.lstat(path);
    const std::string shown = prefix.empty() ? name : prefix + "/" + name;
    if (info.ok() && info->isDirectory()) {
      collectFiles(files, path, shown, found);
    } else {
      found.insert(shown);
    }
  }
}

bool isSame(Files& files, const std::string& folder, const Payload& payload,
            const std::set<std::string>& present) {
  if (present.size() != payload.size()) return false;
  for (const auto& [path, file] : payload) {
    if (!present.contains(path)) return false;
    const auto data = files.read(joinPath(folder, path));
    if (!data.ok() || *data != file.data) return false;
  }
  return true;
}

std::string datedName(WallTime now, Random& random) {
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(now);
  const std::time_t time = seconds.time_since_epoch().count();
  return fmt::format("..{:%Y_%m_%d_%H_%M_%S}.{}", fmt::gmtime(time),
                     random.below(9'000'000'000) + 1'000'000'000);
}

Status writeFiles(Files& files, const std::string& folder, const Payload& payload) {
  TRY_STATUS(files.mkdirs(folder, 0755));
  for (const auto& [path, file] : payload) {
    const std::string full = joinPath(folder, path);
    TRY_STATUS(files.mkdirs(std::string(parentPath(full)), 0755));
    TRY_STATUS(files.write(full, file.data, file.mode));
    if (file.user) TRY_STATUS(files.chown(full, *file.user, -1));
  }
  return {};
}

/// The names that users open.
Status makeLinks(Files& files, const std::string& folder, const Payload& payload) {
  std::set<std::string> names;
  for (const auto& [path, file] : payload) names.insert(firstPart(path));
  for (const auto& name : names) {
    const std::string link = joinPath(folder, name);
    if (files.exists(link)) continue;
    TRY_STATUS(files.symlink("..data/" + name, link));
  }
  return {};
}

Status dropStaleLinks(Files& files, const std::string& folder, const Payload& payload,
                      const std::set<std::string>& before) {
  std::set<std::string> wanted;
  for (const auto& [path, file] : payload) wanted.insert(firstPart(path));
  for (const auto& path : before) {
    const std::string name = firstPart(path);
    if (!wanted.contains(name)) TRY_STATUS(files.remove(joinPath(folder, name)));
  }
  return {};
}

}  // namespace

Status writePayload(Files& files, const std::string& folder, const Payload& payload, WallTime now,
                    Random& random, const std::function<Status()>& beforeSwap) {
  for (const auto& [path, file] : payload) TRY_STATUS(checkPath(path));
  const std::string data = joinPath(folder, "..data");
  const auto oldName = files.readlink(data);
  if (!oldName.ok() && !isNotFound(oldName.status())) return oldName.status();
  std::set<std::string> before;
  if (oldName.ok()) {
    const std::string old = joinPath(folder, *oldName);
    collectFiles(files, old, "", before);
    // A crash may have come between the swap and the links.
    if (isSame(files, old, payload, before)) return makeLinks(files, folder, payload);
  }
  const std::string name = datedName(now, random);
  const std::string fresh = joinPath(folder, name);
  Status written = writeFiles(files, fresh, payload);
  if (written.ok() && beforeSwap) written = beforeSwap();
  const std::string swap = joinPath(folder, "..data_tmp");
  if (written.ok()) written = files.remove(swap);
  if (written.ok()) written = files.symlink(name, swap);
  if (written.ok()) written = files.rename(swap, data);
  if (!written.ok()) {
    const Status ignored = files.removeAll(fresh);
    (void)ignored;
    return written;
  }
  TRY_STATUS(makeLinks(files, folder, payload));
  TRY_STATUS(dropStaleLinks(files, folder, payload, before));
  if (!oldName.ok()) return {};
  return files.removeAll(joinPath(folder, *oldName));
}

}  // namespace coxswain::kubelet
