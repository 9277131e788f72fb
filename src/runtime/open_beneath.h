#pragma once

#include <string>

#include "base/result.h"
#include "runtime/fd.h"

namespace coxswain {

/// Opens (O_PATH) what `relative` names below `root`; links are followed, but never out of it, nor
/// through /proc. BadRequest where it would leave; NotFound.
Result<Fd> openBeneath(const Fd& root, const std::string& rootPath, const std::string& relative);

/// The folder itself, links of its own path followed.
Result<Fd> openFolderPath(const std::string& path);

}  // namespace coxswain
