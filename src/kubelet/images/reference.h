#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::kubelet {

/// An image's name in its parts: "nginx" is docker.io, library/nginx, latest.
struct ImageReference {
  std::string domain;     ///< "docker.io", "localhost:5000"
  std::string path;       ///< "library/nginx"
  std::string tag;        ///< empty: none was given (a digest was)
  std::string digest;     ///< "sha256:..."; empty: none
  bool tagGiven = false;  ///< false: `tag` is the default "latest"

  /// "docker.io/library/nginx": what credentials are looked up by.
  [[nodiscard]] std::string repository() const { return domain + "/" + path; }
};

/// BadRequest with upstream's text: `couldn't parse image reference "A": invalid reference format:
/// repository name (library/A) must be lowercase`. Upstream: distribution/reference.
Result<ImageReference> parseImageReference(std::string_view image);

/// The name as given, with ":latest" where it has neither tag nor digest.
Result<std::string> withDefaultTag(std::string_view image);

}  // namespace coxswain::kubelet
