#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "runtime/one_shot.h"
#include "runtime/task.h"

namespace coxswain::cli {

/// Packs a local file or folder as a tar archive, on a thread, into a pipe. Symbolic links stay
/// links; sockets and fifos are left out.
class ArchiveWriter {
 public:
  /// Its entries are called `name` and below. Owns `fd`; ends when the other end is closed, too.
  ArchiveWriter(std::string source, std::string name, int fd);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  /// What went wrong with the local files. On an executor.
  Task<Status> wait() const;

 private:
  OneShot<Status> done_;
  std::thread thread_;
};

/// Unpacks a tar archive from a pipe, on a thread. Entries must be called `prefix` and below, which
/// becomes `destination` and below; those that would lie elsewhere, links and devices are left out
/// with a warning.
class ArchiveReader {
 public:
  /// Owns `fd`. `warn` is called on the thread.
  ArchiveReader(int fd, std::string prefix, std::string destination,
                std::function<void(std::string)> warn);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  Task<Status> wait() const;

 private:
  OneShot<Status> done_;
  std::thread thread_;
};

/// "a/./b//../c" -> "a/c"; ".." that lead out of it stay at the front. "." for nothing.
std::string cleanPath(std::string_view path);

/// The path below the destination for an entry; nullopt: it lies outside. Empty: the destination
/// itself.
std::optional<std::string> pathBelow(std::string_view entry, std::string_view prefix,
                                     bool* foreign);

}  // namespace coxswain::cli
