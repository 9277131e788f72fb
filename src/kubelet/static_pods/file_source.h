#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/executor.h"
#include "runtime/file_watch.h"
#include "runtime/files.h"
#include "runtime/sync.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::kubelet {

inline constexpr std::string_view kConfigSourceAnnotation = "kubernetes.io/config.source";
inline constexpr std::string_view kConfigHashAnnotation = "kubernetes.io/config.hash";
inline constexpr std::string_view kConfigSeenAnnotation = "kubernetes.io/config.seen";
inline constexpr std::string_view kConfigMirrorAnnotation = "kubernetes.io/config.mirror";

/// A pod from a manifest (YAML or JSON) as a kubelet runs it: defaulted, in its namespace, its name
/// with "-<node>", spec.nodeName set, tolerating NoExecute, uid and hash from content and node, the
/// annotations above. BadRequest where it is no pod.
Result<api::core::v1::Pod> readStaticPod(std::string_view manifest, const std::string& source,
                                         const std::string& nodeName, WallTime seen);

/// The static pods of --pod-manifest-path: a file, or the files of a folder whose names do not
/// start with a dot. Changes come at once (inotify) and every `period` in any case. A file that
/// cannot be read is told of in the log and is no pod; the others count. One executor; stop()
/// before destruction. Upstream: pkg/kubelet/config/file.go.
class FileSource {
 public:
  using PodPointer = std::shared_ptr<const api::core::v1::Pod>;
  /// All static pods there are now. First call: what was there at the start, even if nothing.
  using Handler = std::function<void(std::vector<PodPointer>)>;

  struct Options {
    std::string path;
    std::string nodeName;
    Duration period = 20s;
  };

  /// `watches` may be null: then only the period counts.
  FileSource(Executor& executor, Files& files, FileWatches* watches, Options options,
             Handler handler);
  ~FileSource();
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  void start();
  Task<void> stop();

 private:
  static Task<void> run(FileSource& self, Gate::Pass pass, std::stop_token stop);
  std::vector<std::string> manifests();
  void read();

  Executor& executor_;
  Files& files_;
  FileWatches* watches_;
  Options options_;
  Handler handler_;
  std::map<std::string, PodPointer> known_;  // by manifest text and file: `seen` stays
  bool told_ = false;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
