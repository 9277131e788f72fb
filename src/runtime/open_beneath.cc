#include "runtime/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>

#include "runtime/files.h"

namespace coxswain {

Result<Fd> openBeneath(const Fd& root, const std::string& rootPath, const std::string& relative) {
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const std::string path = relative.empty() ? "." : relative;
  // EAGAIN: somebody renames around us and the kernel cannot be sure; rare, so a few tries do.
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof(how));
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if ((errno == EAGAIN || errno == EINTR) && attempt < 100) continue;
    const int error = errno;
    if (error == EXDEV || error == ELOOP) {
      return badRequest("path " + joinPath(rootPath, relative) + " is not below " + rootPath);
    }
    return errnoStatus("open " + joinPath(rootPath, relative), error);
  }
}

Result<Fd> openFolderPath(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errnoStatus("open " + path, errno);
  return Fd(fd);
}

}  // namespace coxswain
