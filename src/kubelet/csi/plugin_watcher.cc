#include "kubelet/csi/plugin_watcher.h"

#include <algorithm>

#include "base/log.h"
#include "kubelet/csi/gen/plugin_registration.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::csi {
namespace {

const Logger kLog("plugins");
constexpr Duration kLookEvery = 1s;
/// Files come in pieces: a socket is bound first and listens then.
constexpr Duration kSettle = 20ms;
constexpr Duration kRetryMin = 500ms;
constexpr Duration kRetryMax = 30s;
constexpr Duration kGreetTimeout = 10s;
constexpr int kDepthMax = 4;

}  // namespace

PluginWatcher::PluginWatcher(Dependencies dependencies, std::string folder)
    : deps_(dependencies), folder_(std::move(folder)) {}
PluginWatcher::~PluginWatcher() = default;

void PluginWatcher::addHandler(std::string type, PluginHandler& handler) {
  handlers_[std::move(type)] = &handler;
}

void PluginWatcher::start() {
  if (auto pass = gate_.enter()) {
    spawn(deps_.executor, run(*this, std::move(pass), stop_.get_token()));
  }
}

Task<void> PluginWatcher::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> PluginWatcher::run(PluginWatcher& self, Gate::Pass pass, std::stop_token stop) {
  std::unique_ptr<FileWatch> watch;
  while (!stop.stop_requested()) {
    if (!watch && self.deps_.watches != nullptr) {
      auto made = self.deps_.watches->watchFolder(self.folder_);
      if (made.ok()) watch = std::move(*made);
    }
    co_await self.look(stop);
    MonotonicTime next = MonotonicTime::max();
    for (const auto& [path, plugin] : self.plugins_) {
      if (plugin.name.empty()) next = std::min(next, plugin.due);
    }
    if (!watch) next = std::min(next, self.deps_.executor.now() + kLookEvery);
    Status changed;
    if (!watch) {
      changed = co_await sleepFor(std::max<Duration>(next - self.deps_.executor.now(), 0s), stop);
    } else if (next == MonotonicTime::max()) {
      changed = co_await watch->changed(stop);
    } else {
      Deadline deadline(std::max<Duration>(next - self.deps_.executor.now(), 0s), stop);
      changed = co_await watch->changed(deadline.token());
    }
    if (!changed.ok() && !isCanceled(changed)) watch.reset();  // the folder is gone
    if (stop.stop_requested() || isCanceled(changed)) continue;
    Status ignored = co_await sleepFor(kSettle, stop);
    (void)ignored;
  }
}

/// Also those of folders below, which are found when something changes in the upper one.
std::map<std::string, FileInfo> PluginWatcher::sockets() {
  std::map<std::string, FileInfo> found;
  std::vector<std::pair<std::string, int>> folders{{folder_, 0}};
  while (!folders.empty()) {
    const auto [folder, depth] = folders.back();
    folders.pop_back();
    for (const auto& name : deps_.files.list(folder).valueOr(std::vector<std::string>())) {
      if (name.starts_with('.')) continue;
      std::string path = joinPath(folder, name);
      auto info = deps_.files.lstat(path);
      if (!info.ok()) continue;
      if (info->isDirectory() && depth < kDepthMax) folders.emplace_back(path, depth + 1);
      if (info->type == FileType::Socket) found.emplace(std::move(path), *info);
    }
  }
  return found;
}

Task<void> PluginWatcher::look(std::stop_token stop) {
  const auto present = sockets();
  std::vector<Plugin> gone;
  for (auto at = plugins_.begin(); at != plugins_.end();) {
    const auto same = present.find(at->first);
    if (same != present.end() && same->second.inode == at->second.inode &&
        same->second.modified == at->second.made) {
      ++at;
      continue;
    }
    gone.push_back(std::move(at->second));
    at = plugins_.erase(at);
  }
  for (auto& plugin : gone) co_await forget(std::move(plugin));
  for (const auto& [path, info] : present) {
    if (stop.stop_requested()) co_return;
    auto& plugin = plugins_[path];
    plugin.inode = info.inode;
    plugin.made = info.modified;
    if (!plugin.name.empty() || plugin.due > deps_.executor.now()) continue;
    Status done = co_await registerPlugin(path, plugin, stop);
    if (done.ok()) {
      plugin.backoff = {};
      kLog.info("plugin is registered", {{"type", plugin.type}, {"name", plugin.name}});
      continue;
    }
    plugin.backoff = std::clamp<Duration>(plugin.backoff * 2, kRetryMin, kRetryMax);
    plugin.due = deps_.executor.now() + plugin.backoff;
    if (!stop.stop_requested()) {
      kLog.warn("registering a plugin failed", {{"socket", path}, {"error", done}});
    }
  }
}

Task<Status> PluginWatcher::registerPlugin(std::string socket, Plugin& plugin,
                                           std::stop_token stop) {
  const auto channel = deps_.channels.open(socket);
  Status done = co_await greet(*channel, std::move(socket), plugin, std::move(stop));
  co_await channel->close();
  co_return done;
}

Task<Status> PluginWatcher::greet(PluginChannel& channel, std::string socket, Plugin& plugin,
                                  std::stop_token stop) {
  static constexpr std::string_view kService = "/pluginregistration.Registration/";
  CO_TRY(auto info, co_await invoke<registration::PluginInfo>(
                        channel, std::string(kService) + "GetInfo", registration::InfoRequest(),
                        kGreetTimeout, stop));
  PluginDescription found{info.name, info.endpoint.empty() ? socket : info.endpoint,
                          info.supportedVersions};
  const auto handler = handlers_.find(info.type);
  registration::RegistrationStatus answer;
  Status done;
  if (handler == handlers_.end()) {
    answer.error = "RegisterPlugin error -- no handler registered for plugin type: " + info.type +
                   " at socket " + socket;
    done = badRequest(answer.error);
  } else {
    done = handler->second->validate(found);
    if (!done.ok()) {
      answer.error = "RegisterPlugin error -- plugin validation failed with err: " + done.message();
    } else {
      done = co_await handler->second->add(found, stop);
      if (!done.ok()) {
        answer.error =
            "RegisterPlugin error -- plugin registration failed with err: " + done.message();
      }
    }
  }
  answer.pluginRegistered = done.ok();
  auto told = co_await invoke<registration::RegistrationStatusResponse>(
      channel, std::string(kService) + "NotifyRegistrationStatus", std::move(answer), kGreetTimeout,
      stop);
  if (!done.ok()) co_return done;
  // It works, whether or not the plugin wants to know.
  if (!told.ok())
    kLog.warn("telling a plugin failed", {{"socket", socket}, {"error", told.status()}});
  plugin.type = info.type;
  plugin.name = found.name;
  plugin.endpoint = found.endpoint;
  co_return Status();
}

Task<void> PluginWatcher::forget(Plugin plugin) {
  if (plugin.name.empty()) co_return;
  kLog.info("plugin is gone", {{"type", plugin.type}, {"name", plugin.name}});
  co_await handlers_.at(plugin.type)->remove(plugin.name, plugin.endpoint);
}

}  // namespace coxswain::kubelet::csi
