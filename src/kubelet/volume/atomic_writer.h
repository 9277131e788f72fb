#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "runtime/files.h"
#include "runtime/random.h"

namespace coxswain::kubelet {

struct FileProjection {
  std::string data;
  uint32_t mode = 0644;
  std::optional<int64_t> user;  ///< owner; unset: root
};

/// What a volume shows: relative path -> file.
using Payload = std::map<std::string, FileProjection>;

/// Makes `folder` show exactly `payload`, all at once for readers:
///
///     ..2026_11_25_22_15_02.1234567890/   the files
///     ..data -> ..2026_11_25_22_15_02.1234567890
///     key -> ..data/key                   what users open
///
/// A change writes a new dated folder, swaps ..data by rename, then drops the old one. Nothing
/// happens where all is there already. `beforeSwap` sets ownership and permissions of the new
/// files. BadRequest for paths that are absolute, empty, too long, hold ".." or start with "..".
/// Upstream: pkg/volume/util/atomic_writer.go.
Status writePayload(Files& files, const std::string& folder, const Payload& payload, WallTime now,
                    Random& random, const std::function<Status()>& beforeSwap = nullptr);

}  // namespace coxswain::kubelet
