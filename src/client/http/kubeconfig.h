#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/http/client_config.h"

namespace coxswain::client {

/// A cluster, user or context of a kubeconfig: what stands below its name, as it was read (members
/// we do not know stay), and the file it comes from.
struct KubeConfigEntry {
  std::string name;
  boost::json::object body;
  std::string file;  ///< empty: none yet

  /// A text member; empty: absent or no text.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
};

/// Where kubeconfig is looked for: `explicitFile` (--kubeconfig) alone, else the list in
/// $KUBECONFIG, else ~/.kube/config.
struct KubeConfigPaths {
  std::vector<std::string> files;
  bool isExplicit = false;  ///< then the file must be there

  static KubeConfigPaths find(const std::string& explicitFile);
  /// Where new entries go: the last file that exists, else the first (as kubectl).
  [[nodiscard]] std::string defaultFile() const;
};

/// One or several kubeconfig files. Upstream: client-go/tools/clientcmd.
struct KubeConfig {
  using Entries = std::vector<KubeConfigEntry>;
  Entries clusters;
  Entries users;
  Entries contexts;
  std::string currentContext;
  boost::json::object preferences;

  /// YAML or JSON. BadRequest.
  static Result<KubeConfig> parse(std::string_view text, std::string file);
  /// All files; what is named first wins. Files that are absent are left out unless explicit.
  static Result<KubeConfig> load(const KubeConfigPaths& paths);

  static KubeConfigEntry* find(Entries& entries, std::string_view name);
  static const KubeConfigEntry* find(const Entries& entries, std::string_view name);
  [[nodiscard]] bool empty() const {
    return clusters.empty() && users.empty() && contexts.empty() && currentContext.empty();
  }

  /// As one document: entries sorted by name, keys in kubectl's order.
  [[nodiscard]] boost::json::object toValue() const;
  [[nodiscard]] std::string toYaml() const;
  /// Only what the current context needs. BadRequest without a current context.
  Status minify();
  /// Contents of the files that are named take their place. Fails where one cannot be read.
  Status flatten();
  /// Certificates become DATA+OMITTED, tokens and passwords REDACTED.
  void redact();
};

/// Writes the whole file for its owner alone, or leaves the old one. Makes its folder.
Status writeKubeConfigFile(const std::string& file, const KubeConfig& config);

/// Holds the lock file kubectl takes while it writes ("FILE.lock"). Conflict: another one has it.
class KubeConfigLock {
 public:
  static Result<KubeConfigLock> take(const std::string& file);
  KubeConfigLock(KubeConfigLock&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  KubeConfigLock& operator=(KubeConfigLock&&) = delete;
  ~KubeConfigLock();

 private:
  explicit KubeConfigLock(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// What flags say over kubeconfig. Empty: nothing.
struct KubeConfigOverrides {
  std::string context;
  std::string cluster;
  std::string user;
  std::string ns;
  std::string server;
  std::string token;
  std::string username;
  std::string password;
  std::string caFile;
  std::string certificateFile;
  std::string keyFile;
  std::string tlsServerName;
  bool insecure = false;
  std::string impersonateUser;
  std::vector<std::string> impersonateGroups;
  std::string impersonateUid;
};

struct ResolvedConfig {
  ClientConfig client;
  std::string ns = "default";
  bool namespaceGiven = false;  ///< by override
};

/// The client of a context, with certificates read. BadRequest in kubectl's words where the config
/// names what it does not have, or asks for what we cannot do (exec and auth-provider plugins).
/// An empty config gives http://localhost:8080.
Result<ResolvedConfig> resolveConfig(const KubeConfig& config,
                                     const KubeConfigOverrides& overrides = {});

}  // namespace coxswain::client
