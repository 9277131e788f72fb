#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/csi/plugin_channel.h"
#include "runtime/executor.h"
#include "runtime/file_watch.h"
#include "runtime/files.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::csi {

/// What a plugin says of itself.
struct PluginDescription {
  std::string name;
  std::string endpoint;  ///< path of the socket that serves it
  std::vector<std::string> versions;
};

/// Who takes plugins of one type ("CSIPlugin").
class PluginHandler {
 public:
  virtual ~PluginHandler() = default;
  [[nodiscard]] virtual Status validate(const PluginDescription& plugin) = 0;
  virtual Task<Status> add(PluginDescription plugin, std::stop_token stop) = 0;
  /// Nothing happens where a plugin with another endpoint has taken the name since.
  virtual Task<void> remove(std::string name, std::string endpoint) = 0;
};

/// Watches <root>/plugins_registry: a socket there is a plugin, asked who it is, handed to its
/// type's handler and told how that went; when the socket goes, so does the plugin. Failures are
/// tried again with backoff. One coroutine; asleep while nothing changes in the folder.
/// One executor; stop() before destruction. Upstream: pkg/kubelet/pluginmanager.
class PluginWatcher {
 public:
  struct Dependencies {
    Executor& executor;
    Files& files;
    FileWatches* watches;  ///< null: looks each second
    PluginChannels& channels;
  };

  PluginWatcher(Dependencies dependencies, std::string folder);
  ~PluginWatcher();
  PluginWatcher(const PluginWatcher&) = delete;
  PluginWatcher& operator=(const PluginWatcher&) = delete;

  void addHandler(std::string type, PluginHandler& handler);
  void start();
  Task<void> stop();

 private:
  struct Plugin {
    uint64_t inode = 0;  ///< a socket that is made again is another plugin
    WallTime made{};
    std::string type;
    std::string name;  ///< empty: not registered
    std::string endpoint;
    Duration backoff{};
    MonotonicTime due{};
  };
  static Task<void> run(PluginWatcher& self, Gate::Pass pass, std::stop_token stop);
  [[nodiscard]] std::map<std::string, FileInfo> sockets();
  Task<void> look(std::stop_token stop);
  Task<Status> registerPlugin(std::string socket, Plugin& plugin, std::stop_token stop);
  Task<Status> greet(PluginChannel& channel, std::string socket, Plugin& plugin,
                     std::stop_token stop);
  Task<void> forget(Plugin plugin);

  Dependencies deps_;
  std::string folder_;
  std::map<std::string, PluginHandler*> handlers_;
  std::map<std::string, Plugin> plugins_;  // by the socket's path
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet::csi
