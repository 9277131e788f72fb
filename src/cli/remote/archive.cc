#include "cli/remote/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {
namespace {

namespace fs = std::filesystem;
constexpr size_t kBlockBytes = 64 * 1024;

Status failed(const std::string& what, int error) {
  return fault(what + ": " + std::strerror(error));
}

/// A pipe whose reader has gone shows as a failed write, not as a signal.
void ignoreBrokenPipes() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

struct Descriptor {
  explicit Descriptor(int f) : fd(f) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

/// Packs; one thread's.
class Packer {
 public:
  explicit Packer(int fd) : archive_(archive_write_new()) {
    // Long names as GNU writes them: BusyBox's tar knows these alone.
    archive_write_set_format_gnutar(archive_);
    archive_write_open_fd(archive_, fd);
  }
  ~Packer() { archive_write_free(archive_); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  Status add(const std::string& path, const std::string& name, int depth = 0) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return failed("lstat " + path, errno);
    if (depth > 1000) return fault(path + ": folders are nested too deeply");
    if (S_ISDIR(info.st_mode)) return addFolder(path, name, info, depth);
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) return {};
    Entry entry(archive_entry_new());
    fill(*entry, name, info);
    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX];
      ssize_t n = ::readlink(path.c_str(), target, sizeof target - 1);
      if (n < 0) return failed("readlink " + path, errno);
      target[n] = '\0';
      archive_entry_set_symlink(entry.get(), target);
      return header(*entry);
    }
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.fd < 0) return failed("open " + path, errno);
    archive_entry_set_size(entry.get(), info.st_size);
    TRY_STATUS(header(*entry));
    return content(file.fd, path, info.st_size);
  }

  /// Unlike its destruction, leaves the archive without an end, which its reader notices.
  void abandon() { archive_write_fail(archive_); }
  Status finish() { return archive_write_close(archive_) == ARCHIVE_OK ? Status() : broken(); }

 private:
  struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
  };
  using Entry = std::unique_ptr<archive_entry, FreeEntry>;

  Status addFolder(const std::string& path, const std::string& name, const struct stat& info,
                   int depth) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
      names.push_back(it->path().filename().string());
    if (error) return failed("open " + path, error.value());
    std::sort(names.begin(), names.end());
    Entry entry(archive_entry_new());
    fill(*entry, name, info);
    TRY_STATUS(header(*entry));
    for (const auto& child : names)
      TRY_STATUS(add(path + "/" + child, name + "/" + child, depth + 1));
    return {};
  }

  static void fill(archive_entry& entry, const std::string& name, const struct stat& info) {
    archive_entry_set_pathname(&entry, name.c_str());
    archive_entry_set_mode(&entry, info.st_mode);
    archive_entry_set_uid(&entry, info.st_uid);
    archive_entry_set_gid(&entry, info.st_gid);
    archive_entry_set_mtime(&entry, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }

  Status header(archive_entry& entry) {
    return archive_write_header(archive_, &entry) >= ARCHIVE_WARN ? Status() : broken();
  }

  /// Exactly `size` bytes, as the header says: a file that shrinks meanwhile is a failure.
  Status content(int fd, const std::string& path, int64_t size) {
    std::vector<char> block(kBlockBytes);
    while (size > 0) {
      auto want = static_cast<size_t>(std::min<int64_t>(size, kBlockBytes));
      ssize_t n = ::read(fd, block.data(), want);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read " + path, errno);
      if (n == 0) return fault("read " + path + ": the file became shorter");
      if (archive_write_data(archive_, block.data(), static_cast<size_t>(n)) < 0) return broken();
      size -= n;
    }
    return {};
  }

  Status broken() const {
    const char* text = archive_error_string(archive_);
    return fault(std::string("tar: ") + (text ? text : "cannot write"));
  }

  archive* archive_;
};

/// Unpacks; one thread's.
class Unpacker {
 public:
  Unpacker(int fd, std::string prefix, std::string destination,
           std::function<void(std::string)> warn)
      : archive_(archive_read_new()),
        prefix_(std::move(prefix)),
        destination_(std::move(destination)),
        warn_(std::move(warn)) {
    archive_read_support_format_tar(archive_);
    archive_read_support_format_empty(archive_);
    archive_read_open_fd(archive_, fd, kBlockBytes);
  }
  ~Unpacker() { archive_read_free(archive_); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  Status run() {
    while (true) {
      archive_entry* entry = nullptr;
      int result = archive_read_next_header(archive_, &entry);
      if (result == ARCHIVE_EOF) return {};
      if (result < ARCHIVE_WARN) return broken();
      TRY_STATUS(one(*entry));
    }
  }

 private:
  Status one(archive_entry& entry) {
    const char* raw = archive_entry_pathname(&entry);
    bool foreign = false;
    auto below = pathBelow(raw ? raw : "", prefix_, &foreign);
    if (foreign) return fault("tar contents corrupted");
    if (!below) {
      warn_("warning: file " + api::goQuote(raw ? raw : "") +
            " is outside target destination, skipping\n");
      return {};
    }
    auto path = below->empty() ? destination_ : destination_ + "/" + *below;
    auto type = archive_entry_filetype(&entry);
    bool folder = type == AE_IFDIR;
    auto parent = folder ? path : fs::path(path).parent_path().string();
    std::error_code error;
    if (!parent.empty()) fs::create_directories(parent, error);
    if (error && !fs::is_directory(parent)) return failed("mkdir " + parent, error.value());
    if (folder) return {};
    const char* target = archive_entry_symlink(&entry);
    if (type == AE_IFLNK && target) {
      warn_("warning: skipping symlink: " + api::goQuote(path) + " -> " + api::goQuote(target) +
            "\n");
      return {};
    }
    if (const char* link = archive_entry_hardlink(&entry)) return copyOf(link, path);
    if (type != AE_IFREG) return {};
    return content(path);
  }

  /// A hard link to an entry that came before: a copy of that.
  Status copyOf(const char* link, const std::string& path) {
    bool foreign = false;
    auto below = pathBelow(link, prefix_, &foreign);
    if (foreign || !below || below->empty()) {
      warn_("warning: file " + api::goQuote(path) + " is a link to " + api::goQuote(link) +
            ", which is not part of the copy, skipping\n");
      return {};
    }
    std::error_code error;
    auto from = destination_ + "/" + *below;
    fs::copy_file(from, path, fs::copy_options::overwrite_existing, error);
    return error ? failed("copy " + from, error.value()) : Status();
  }

  Status content(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.fd < 0) return failed("open " + path, errno);
    std::vector<char> block(kBlockBytes);
    while (true) {
      la_ssize_t n = archive_read_data(archive_, block.data(), block.size());
      if (n < 0) return broken();
      if (n == 0) return {};
      for (la_ssize_t at = 0; at < n;) {
        ssize_t written = ::write(file.fd, block.data() + at, static_cast<size_t>(n - at));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("write " + path, errno);
        at += written;
      }
    }
  }

  Status broken() const {
    const char* text = archive_error_string(archive_);
    return fault(std::string("tar: ") + (text ? text : "cannot read"));
  }

  archive* archive_;
  std::string prefix_;
  std::string destination_;
  std::function<void(std::string)> warn_;
};

Task<Status> await(OneShot<Status> done) {
  auto status = co_await done.wait();
  co_return std::move(*status);
}

}  // namespace

std::string cleanPath(std::string_view path) {
  bool rooted = path.starts_with('/');
  std::vector<std::string> parts;
  for (const auto& part : splitAt(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  auto out = (rooted ? "/" : "") + joined(parts, "/");
  return out.empty() ? "." : out;
}

std::optional<std::string> pathBelow(std::string_view entry, std::string_view prefix,
                                     bool* foreign) {
  *foreign = !entry.starts_with(prefix) || (prefix.empty() && entry.starts_with('/'));
  if (*foreign) return std::nullopt;
  std::string_view rest = entry.substr(prefix.size());
  // "tmp/foobar" is not below "tmp/foo".
  if (!prefix.empty() && !rest.empty() && rest.front() != '/') {
    *foreign = true;
    return std::nullopt;
  }
  while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  auto clean = cleanPath(rest);
  if (clean == ".") return std::string();
  if (clean == ".." || clean.starts_with("../")) return std::nullopt;
  return clean;
}

ArchiveWriter::ArchiveWriter(std::string source, std::string name, int fd)
    : thread_([source = std::move(source), name = std::move(name), fd, done = done_]() mutable {
        ignoreBrokenPipes();
        Status status;
        {
          Descriptor owned(fd);
          Packer packer(fd);
          status = packer.add(source, name);
          if (status.ok()) {
            status = packer.finish();
          } else {
            packer.abandon();
          }
        }
        done.set(std::move(status));
      }) {}
ArchiveWriter::~ArchiveWriter() {
  thread_.join();
}
Task<Status> ArchiveWriter::wait() const {
  return await(done_);
}

ArchiveReader::ArchiveReader(int fd, std::string prefix, std::string destination,
                             std::function<void(std::string)> warn)
    : thread_([fd, prefix = std::move(prefix), destination = std::move(destination),
               warn = std::move(warn), done = done_]() mutable {
        Status status;
        {
          Descriptor owned(fd);
          status = Unpacker(fd, std::move(prefix), std::move(destination), std::move(warn)).run();
        }
        done.set(std::move(status));
      }) {}
ArchiveReader::~ArchiveReader() {
  thread_.join();
}
Task<Status> ArchiveReader::wait() const {
  return await(done_);
}

}  // namespace coxswain::cli
