#include "runtime/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/reactor.h"
#include "runtime/sim/scripted_processes.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain {
namespace {

RunOptions command(std::vector<std::string> argv, std::string input = "") {
  RunOptions options;
  options.argv = std::move(argv);
  options.input = std::move(input);
  return options;
}

RunOptions shell(std::string script, std::string input = "") {
  return command({"sh", "-c", std::move(script)}, std::move(input));
}

Result<RunResult> runNow(RunOptions options, std::stop_token stop = {}) {
  Reactor reactor;
  auto processes = systemProcesses(reactor);
  return blockOn(reactor, processes->run(std::move(options), std::move(stop)));
}

std::string fileText(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string temporaryFolder() {
  char name[] = "/tmp/coxswain-process-XXXXXX";
  return ::mkdtemp(name);
}

TEST(Process, RunGivesOutputErrorAndCode) {
  auto result = runNow(shell("cat; echo oops >&2; exit 3", "hello"));
  ASSERT_TRUE(result.ok()) << result.status().toString();
  EXPECT_EQ(result->output, "hello");
  EXPECT_EQ(result->error, "oops\n");
  EXPECT_EQ(result->exit, (ProcessExit{3, 0}));
  EXPECT_EQ(result->exit.describe(), "exit code 3");
}

TEST(Process, SignalIsTold) {
  auto result = runNow(shell("kill -TERM $$"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->exit.signal, SIGTERM);
  EXPECT_FALSE(result->exit.ok());
  EXPECT_EQ(result->exit.describe(), "signal 15 (Terminated)");
}

TEST(Process, MissingProgramsAndFolders) {
  EXPECT_TRUE(isNotFound(runNow(command({"no-such-program-here"})).status()));
  EXPECT_TRUE(isNotFound(runNow(command({"/no/such/program"})).status()));
  EXPECT_TRUE(isForbidden(runNow(command({"/etc/passwd"})).status()));
  EXPECT_FALSE(runNow(command({})).ok());
  auto options = shell("true");
  options.folder = "/no/such/folder";
  EXPECT_TRUE(isNotFound(runNow(options).status()));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a failed start left a zombie";
}

TEST(Process, EnvironmentAndFolder) {
  auto options = shell("echo $GREETING $(pwd) ${HOME-none}");
  options.environment = {"GREETING=ahoy", "PATH=/usr/bin:/bin"};
  options.folder = "/usr";
  auto result = runNow(options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output, "ahoy /usr none\n");
}

TEST(Process, LargeInputAndOutput) {
  std::string megabytes(3 << 20, 'x');
  auto result = runNow(command({"cat"}, megabytes));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output.size(), megabytes.size());
  EXPECT_FALSE(result->outputTruncated);
}

TEST(Process, OutputIsBounded) {
  auto options = shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
  options.outputBytesMax = 1000;
  options.errorBytesMax = 10;
  auto result = runNow(options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output.size(), 1000u);
  EXPECT_TRUE(result->outputTruncated);
  EXPECT_EQ(result->error.size(), 10u);
  EXPECT_TRUE(result->errorTruncated);
  EXPECT_TRUE(result->exit.ok());
}

TEST(Process, InputNobodyReads) {
  ::signal(SIGPIPE, SIG_IGN);
  auto result = runNow(command({"true"}, std::string(1 << 20, 'x')));
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->exit.ok());
}

TEST(Process, OrphansDoNotHoldUs) {
  auto result = runNow(shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(result.ok());
  pid_t orphan = std::atoi(result->output.c_str());
  ASSERT_GT(orphan, 1);
  EXPECT_EQ(::kill(orphan, SIGKILL), 0);
}

Task<Result<RunResult>> stopOnceFileIsThere(ProcessRunner& processes, RunOptions options,
                                            std::string file, std::stop_source stop) {
  OneShot<Result<RunResult>> done;
  spawn(*Executor::current(),
        detail::finishInto(processes.run(std::move(options), stop.get_token()), done));
  while (!std::filesystem::exists(file)) (void)co_await sleepFor(1ms);
  stop.request_stop();
  auto result = co_await done.wait();
  co_return std::move(*result);
}

TEST(Process, StopKillsTheGroup) {
  auto folder = temporaryFolder();
  Reactor reactor;
  auto processes = systemProcesses(reactor);
  std::stop_source stop;
  auto result =
      blockOn(reactor, stopOnceFileIsThere(*processes,
                                           shell("sleep 1000 & echo $! > " + folder + "/new; mv " +
                                                 folder + "/new " + folder + "/pid; wait"),
                                           folder + "/pid", stop));
  EXPECT_TRUE(isCanceled(result.status()));
  pid_t grandchild = std::atoi(fileText(folder + "/pid").c_str());
  ASSERT_GT(grandchild, 1);
  // It is dead at once; only its reaper may still have to come by.
  auto stat = fileText("/proc/" + std::to_string(grandchild) + "/stat");
  for (int i = 0; i < 60000 && !stat.empty() && stat.find(") Z ") == std::string::npos; ++i) {
    ::usleep(1000);
    stat = fileText("/proc/" + std::to_string(grandchild) + "/stat");
  }
  EXPECT_TRUE(stat.empty() || stat.find(") Z ") != std::string::npos) << stat;
  std::filesystem::remove_all(folder);
}

TEST(Process, HandlersMaskAndDescriptorsAreNotInherited) {
  int leaked = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  auto result =
      runNow(shell("ls /proc/self/fd | tr '\\n' ' '; grep -E 'SigIgn|SigBlk' "
                   "/proc/self/status | cut -f2 | tr '\\n' ' '"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  ::close(leaked);
  ASSERT_TRUE(result.ok());
  // 3 is the folder that ls itself has open.
  EXPECT_EQ(result->output, "0 1 2 3 0000000000000000 0000000000000000 ");
}

struct ChildReport {
  Result<ProcessExit> first{canceled()};
  Result<ProcessExit> second{canceled()};
  Result<ProcessExit> stopped{ProcessExit()};
  Status signalAfterEnd;
};

Task<ChildReport> driveChild(ProcessRunner& processes, ChildOptions options) {
  ChildReport report;
  auto child = processes.start(std::move(options));
  if (!child.ok()) {
    report.first = child.status();
    co_return report;
  }
  std::stop_source stop;
  stop.request_stop();
  report.stopped = co_await (*child)->wait(stop.get_token());
  report.first = co_await (*child)->wait({});
  report.second = co_await (*child)->wait({});
  report.signalAfterEnd = (*child)->signal(SIGTERM);
  co_return report;
}

TEST(ChildProcess, LogDescriptorsAndManyWaits) {
  auto folder = temporaryFolder();
  std::ofstream(folder + "/in") << "from a file";
  std::ofstream(folder + "/log") << "before\n";
  int fd = ::open((folder + "/in").c_str(), O_RDONLY | O_CLOEXEC);
  Reactor reactor;
  auto processes = systemProcesses(reactor);
  ChildOptions options;
  options.argv = {"sh", "-c", "cat <&7; echo; echo oops >&2; sleep 0.05; exit 4"};
  options.logFile = folder + "/log";
  options.descriptors = {{fd, 7}};
  options.deathSignal = SIGKILL;
  auto report = blockOn(reactor, driveChild(*processes, options));
  ::close(fd);
  EXPECT_TRUE(isCanceled(report.stopped.status()));
  ASSERT_TRUE(report.first.ok()) << report.first.status().toString();
  EXPECT_EQ(report.first->code, 4);
  ASSERT_TRUE(report.second.ok());
  EXPECT_EQ(*report.second, *report.first);
  EXPECT_TRUE(isNotFound(report.signalAfterEnd));
  EXPECT_EQ(fileText(folder + "/log"), "before\nfrom a file\noops\n");
  std::filesystem::remove_all(folder);
}

Task<Result<ProcessExit>> startAndEnd(ProcessRunner& processes, std::string script, Duration grace,
                                      std::string ready) {
  ChildOptions options;
  options.argv = {"sh", "-c", std::move(script)};
  CO_TRY(auto child, processes.start(std::move(options)));
  while (!std::filesystem::exists(ready)) (void)co_await sleepFor(1ms);
  co_return co_await endProcess(*child, grace);
}

TEST(ChildProcess, EndIsGentleThenNot) {
  auto folder = temporaryFolder();
  Reactor reactor;
  auto processes = systemProcesses(reactor);
  auto gentle = blockOn(reactor, startAndEnd(*processes,
                                             "trap 'exit 5' TERM; touch " + folder +
                                                 "/a; while true; do sleep 0.01; done",
                                             60s, folder + "/a"));
  ASSERT_TRUE(gentle.ok());
  EXPECT_EQ(gentle->code, 5);
  Reactor other;
  processes = systemProcesses(other);
  auto hard = blockOn(
      other, startAndEnd(*processes,
                         "trap '' TERM; touch " + folder + "/b; while true; do sleep 0.01; done",
                         50ms, folder + "/b"));
  ASSERT_TRUE(hard.ok());
  EXPECT_EQ(hard->signal, SIGKILL);
  std::filesystem::remove_all(folder);
}

TEST(Process, FindProgram) {
  auto sh = findProgram("sh", "/nowhere:/usr/bin:/bin");
  ASSERT_TRUE(sh.ok());
  EXPECT_EQ(*sh, "/usr/bin/sh");
  EXPECT_TRUE(isNotFound(findProgram("sh", "").status()));
  EXPECT_TRUE(isNotFound(findProgram("", "/usr/bin").status()));
  EXPECT_TRUE(isNotFound(findProgram("/etc", "").status()));
}

Task<void> keep(Task<Result<RunResult>> task, Result<RunResult>& out) {
  out = co_await std::move(task);
}
Task<void> keepExit(std::unique_ptr<ChildProcess> child, Duration grace, Result<ProcessExit>& out) {
  out = co_await endProcess(*child, grace);
}

TEST(ScriptedProcesses, ProgramsAreFunctions) {
  sim::SimExecutor executor;
  sim::ScriptedProcesses processes;
  processes.on(
      "upper",
      [](const RunOptions& run) -> Result<RunResult> {
        RunResult result;
        for (char c : run.input) result.output += static_cast<char>(std::toupper(c));
        return result;
      },
      3s);
  Result<RunResult> result{canceled()};
  Result<RunResult> missing{canceled()};
  spawn(executor, keep(processes.run(command({"upper"}, "abc"), {}), result));
  spawn(executor, keep(processes.run(command({"lower"}, "abc"), {}), missing));
  EXPECT_TRUE(executor.runUntilIdle());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output, "ABC");
  EXPECT_EQ(executor.now().time_since_epoch(), 3s);
  EXPECT_TRUE(isNotFound(missing.status()));
  EXPECT_EQ(processes.runs().size(), 1u);
}

TEST(ScriptedProcesses, ChildrenEndWhenTold) {
  sim::SimExecutor executor;
  sim::ScriptedProcesses processes;
  processes.on("daemon", {});
  ChildOptions options;
  options.argv = {"daemon", "--flag"};
  auto child = processes.start(options);
  ASSERT_TRUE(child.ok());
  auto& scripted = *processes.children().at(0);
  scripted.ignoresTerm = true;
  Result<ProcessExit> exit{canceled()};
  spawn(executor, keepExit(std::move(*child), 30s, exit));
  EXPECT_TRUE(executor.runUntilIdle());
  ASSERT_TRUE(exit.ok());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_EQ(scripted.signals(), (std::vector<int>{SIGTERM, SIGKILL}));
  EXPECT_EQ(executor.now().time_since_epoch(), 30s);
}

}  // namespace
}  // namespace coxswain
