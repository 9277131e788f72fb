#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/framework/flags.h"
#include "cli/framework/output.h"
#include "client/http/kubeconfig.h"
#include "client/http/rest_client.h"
#include "runtime/reactor.h"

namespace coxswain::cli {

class Mapper;

/// Flags every command has.
struct GlobalFlags {
  std::string kubeconfig;
  client::KubeConfigOverrides overrides;
  std::string requestTimeout = "0";
  int64_t verbosity = 0;
  bool warningsAsErrors = false;

  void declare(FlagSet& flags);
};

/// One run of one command: where it reads and writes, which cluster it speaks to. What costs time
/// (files, connections, discovery) is made when first asked for. On the reactor.
class Session {
 public:
  Session(Reactor& reactor, Streams streams, const GlobalFlags& globals, std::string commandPath);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Reactor& reactor() const { return reactor_; }
  [[nodiscard]] const Streams& streams() const { return streams_; }
  Output& out() { return out_; }
  [[nodiscard]] const GlobalFlags& globals() const { return globals_; }
  /// "kubectl get".
  [[nodiscard]] const std::string& commandPath() const { return commandPath_; }

  // Texts on stderr; what stands in out() is written before.
  void error(std::string_view text);
  void warn(std::string_view text) { error("Warning: " + std::string(text) + "\n"); }
  /// Prints a failure and makes the exit code 1; the command may go on.
  void fail(const Status& status);
  void exitCode(int code) { exitCode_ = code; }
  [[nodiscard]] int exitCode() const { return exitCode_; }
  /// A failure that says how to find help.
  [[nodiscard]] Status usageError(std::string_view message) const;

  /// Kubeconfig files and flags, or the pod's service account where there are none.
  Result<const client::ResolvedConfig*> config();
  /// The namespace commands work in.
  Result<std::string> ns();
  /// -n was given.
  [[nodiscard]] bool namespaceGiven() const { return !globals_.overrides.ns.empty(); }
  Result<client::RestClient*> rest();
  /// Kinds and resources of the server.
  Task<Result<Mapper*>> mapper();
  /// Ends connections. Before destruction.
  Task<void> close();
  /// Host and port for messages.
  [[nodiscard]] std::string server() const;

 private:
  Reactor& reactor_;
  Streams streams_;
  const GlobalFlags& globals_;
  std::string commandPath_;
  Output out_;
  Output err_;
  int exitCode_ = 0;
  bool warned_ = false;
  std::optional<client::ResolvedConfig> config_;
  std::unique_ptr<client::RestClient> rest_;
  std::unique_ptr<Mapper> mapper_;
};

}  // namespace coxswain::cli
