#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/process.h"
#include "runtime/sync.h"

namespace coxswain::sim {

/// The simulated twin of systemProcesses: programs are functions of the test. One executor.
///
///     ScriptedProcesses processes;
///     processes.on("nft", [](const RunOptions& run) { ... return RunResult{}; });
class ScriptedProcesses final : public ProcessRunner {
 public:
  using Program = std::function<Result<RunResult>(const RunOptions&)>;

  /// A child that `start` made; the test says when it ends.
  class Child final : public ChildProcess {
   public:
    Child(pid_t pid, ChildOptions options) : pid_(pid), options_(std::move(options)) {}
    [[nodiscard]] pid_t pid() const override { return pid_; }
    Task<Result<ProcessExit>> wait(std::stop_token stop) override;
    /// Recorded; SIGKILL ends it, and SIGTERM unless `ignoresTerm`.
    Status signal(int number) override;
    Status signalGroup(int number) override { return signal(number); }

    [[nodiscard]] const ChildOptions& options() const { return options_; }
    [[nodiscard]] const std::vector<int>& signals() const { return signals_; }
    [[nodiscard]] bool running() const { return !ended_.isSet(); }
    void end(ProcessExit exit);
    bool ignoresTerm = false;

   private:
    pid_t pid_;
    ChildOptions options_;
    std::vector<int> signals_;
    ProcessExit exit_;
    Event ended_;
  };

  /// What runs under this argv[0]; others are NotFound. `takes` is how long each run lasts.
  void on(std::string name, Program program, Duration takes = {});
  /// Every run so far, in order.
  [[nodiscard]] const std::vector<RunOptions>& runs() const { return runs_; }
  /// Every child so far; they live as long as this.
  [[nodiscard]] const std::vector<std::shared_ptr<Child>>& children() const { return children_; }

  Task<Result<RunResult>> run(RunOptions options, std::stop_token stop) override;
  Result<std::unique_ptr<ChildProcess>> start(ChildOptions options) override;

 private:
  struct Script {
    Program program;
    Duration takes{};
  };
  std::map<std::string, Script> scripts_;
  std::vector<RunOptions> runs_;
  std::vector<std::shared_ptr<Child>> children_;
};

}  // namespace coxswain::sim
