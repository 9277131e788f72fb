#include "runtime/sim/scripted_processes.h"

#include <signal.h>

#include "runtime/spawn.h"

namespace coxswain::sim {
namespace {

/// What start() hands out: the test keeps the child.
class Shared final : public ChildProcess {
 public:
  explicit Shared(std::shared_ptr<ScriptedProcesses::Child> child) : child_(std::move(child)) {}
  [[nodiscard]] pid_t pid() const override { return child_->pid(); }
  Task<Result<ProcessExit>> wait(std::stop_token stop) override {
    return child_->wait(std::move(stop));
  }
  Status signal(int number) override { return child_->signal(number); }
  Status signalGroup(int number) override { return child_->signalGroup(number); }

 private:
  std::shared_ptr<ScriptedProcesses::Child> child_;
};

Status noProgram(const std::string& name) {
  return Status(Reason::NotFound, 404, "\"" + name + "\": executable file not found in $PATH");
}

}  // namespace

Task<Result<ProcessExit>> ScriptedProcesses::Child::wait(std::stop_token stop) {
  CO_TRY_STATUS(co_await ended_.wait(stop));
  co_return exit_;
}

Status ScriptedProcesses::Child::signal(int number) {
  if (ended_.isSet()) return Status(Reason::NotFound, 404, "the process has ended");
  signals_.push_back(number);
  if (number == SIGKILL || (number == SIGTERM && !ignoresTerm)) end({0, number});
  return {};
}

void ScriptedProcesses::Child::end(ProcessExit exit) {
  if (ended_.isSet()) return;
  exit_ = exit;
  ended_.set();
}

void ScriptedProcesses::on(std::string name, Program program, Duration takes) {
  scripts_[std::move(name)] = Script{std::move(program), takes};
}

Task<Result<RunResult>> ScriptedProcesses::run(RunOptions options, std::stop_token stop) {
  if (options.argv.empty()) co_return badRequest("no program given");
  if (stop.stop_requested()) co_return canceled();
  auto found = scripts_.find(options.argv[0]);
  if (found == scripts_.end()) co_return noProgram(options.argv[0]);
  Script script = found->second;
  runs_.push_back(options);
  if (script.takes > Duration::zero()) {
    CO_TRY_STATUS(co_await sleepFor(script.takes, stop));
  }
  co_return script.program(options);
}

Result<std::unique_ptr<ChildProcess>> ScriptedProcesses::start(ChildOptions options) {
  if (options.argv.empty()) return badRequest("no program given");
  if (!scripts_.contains(options.argv[0])) return noProgram(options.argv[0]);
  auto pid = static_cast<pid_t>(1000 + children_.size());
  children_.push_back(std::make_shared<Child>(pid, std::move(options)));
  return std::unique_ptr<ChildProcess>(std::make_unique<Shared>(children_.back()));
}

}  // namespace coxswain::sim
