#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/files.h"

namespace coxswain::dns {

/// "10.0.0.1" as "10.0.0.1:53". BadRequest: neither an address nor one with a port.
Result<std::string> upstreamWithPort(const std::string& upstream);

/// The upstream servers that a resolv.conf names, read again when the file has changed: machines
/// move between networks.
class ResolvConf {
 public:
  /// `ours`: addresses that are no upstreams, because they are us. `files` outlives this.
  ResolvConf(Files& files, std::string path, std::vector<std::string> ours);

  /// The servers as "ADDRESS:53" where they differ from those told last; nullopt: as before. Looks
  /// at the file once a second at most. A file that cannot be read names none.
  std::optional<std::vector<std::string>> changed(MonotonicTime now);

 private:
  std::string fingerprint();

  Files& files_;
  std::string path_;
  std::vector<std::string> ours_;
  std::optional<MonotonicTime> lookedAt_;
  std::string seen_;
  std::vector<std::string> told_;
};

}  // namespace coxswain::dns
