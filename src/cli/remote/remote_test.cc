#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/remote/archive.h"
#include "cli/remote/input_reader.h"
#include "cli/remote/ports.h"
#include "cli/run.h"
#include "client/http/testing/fake_api.h"
#include "net/http_server.h"
#include "net/testing/free_port.h"
#include "net/url.h"
#include "runtime/spawn.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"

namespace coxswain::cli {
namespace {

namespace fs = std::filesystem;
using client::testing::FakeApi;

/// A program of this machine behind a session: stands in for a container.
class LocalCommand {
 public:
  LocalCommand(Reactor& reactor, streaming::ServerSession& session)
      : reactor_(reactor), session_(session) {}

  Task<streaming::Outcome> run(std::vector<std::string> command, std::stop_token stop) {
    int in[2], out[2], err[2];
    if (::pipe2(in, O_CLOEXEC) || ::pipe2(out, O_CLOEXEC) || ::pipe2(err, O_CLOEXEC))
      co_return streaming::Outcome::failed(internalError("pipe"));
    pid_t pid = start(command, in[0], out[1], err[1]);
    ::close(in[0]);
    ::close(out[1]);
    ::close(err[1]);
    input_ = std::move(*Reactor::Descriptor::create(reactor_, in[1]));
    outputs_[0] = std::move(*Reactor::Descriptor::create(reactor_, out[0]));
    outputs_[1] = std::move(*Reactor::Descriptor::create(reactor_, err[0]));
    if (pid < 0)
      co_return streaming::Outcome::failed(
          internalError("exec: \"" + command[0] + "\": executable file not found"));
    std::stop_source ended;
    std::vector<Task<void>> pumps;
    pumps.push_back(feed(ended.get_token()));
    pumps.push_back(drainBoth(stop, ended));
    co_await whenAll(std::move(pumps));
    auto pidfd =
        Reactor::Descriptor::create(reactor_, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    Status exited = co_await (*pidfd)->waitReadable(stop);
    int status = 0;
    ::waitpid(pid, &status, 0);
    co_return streaming::Outcome::exited(WIFEXITED(status) ? WEXITSTATUS(status) : 137);
  }

 private:
  static pid_t start(const std::vector<std::string>& command, int in, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = -1;
    if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }

  Task<void> feed(std::stop_token stop) {
    while (true) {
      auto piece = co_await session_.readStdin(stop);
      if (!piece.ok() || piece->empty()) break;
      std::string_view rest = *piece;
      while (!rest.empty()) {
        ssize_t n = ::write(input_->fd(), rest.data(), rest.size());
        if (n >= 0) {
          rest.remove_prefix(static_cast<size_t>(n));
          continue;
        }
        if (errno != EAGAIN) break;
        Status ready = co_await input_->waitWritable(stop);
        if (!ready.ok()) break;
      }
    }
    input_->close();
  }

  Task<void> drain(int which, std::stop_token stop) {
    std::vector<char> buffer(20000);
    while (true) {
      ssize_t n = ::read(outputs_[which]->fd(), buffer.data(), buffer.size());
      if (n == 0) co_return;
      if (n < 0) {
        Status ready = co_await outputs_[which]->waitReadable(stop);
        if (!ready.ok()) co_return;
        continue;
      }
      std::string_view piece(buffer.data(), static_cast<size_t>(n));
      Status sent = which == 0 ? co_await session_.writeStdout(piece, stop)
                               : co_await session_.writeStderr(piece, stop);
      if (!sent.ok()) co_return;
    }
  }
  Task<void> drainBoth(std::stop_token stop, std::stop_source ended) {
    std::vector<Task<void>> both;
    both.push_back(drain(0, stop));
    both.push_back(drain(1, stop));
    co_await whenAll(std::move(both));
    ended.request_stop();
  }

  Reactor& reactor_;
  streaming::ServerSession& session_;
  std::unique_ptr<Reactor::Descriptor> input_;
  std::unique_ptr<Reactor::Descriptor> outputs_[2];
};

/// Ports of the pod are ports of this machine.
class LocalPorts final : public streaming::PortConnector {
 public:
  explicit LocalPorts(Reactor& reactor) : reactor_(reactor) {}
  Task<Result<std::unique_ptr<net::Stream>>> connect(uint16_t port, std::stop_token stop) override {
    co_return co_await net::dial(reactor_, "127.0.0.1:" + std::to_string(port), stop);
  }

 private:
  Reactor& reactor_;
};

/// An API server whose pods run on this machine.
class PodsApi final : public net::Handler {
 public:
  explicit PodsApi(Reactor& reactor) : reactor_(reactor), ports_(reactor) {}

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    bool session = request.path.ends_with("/exec") || request.path.ends_with("/attach");
    if (!streaming::isStreamingRequest(request) ||
        (!session && !request.path.ends_with("/portforward"))) {
      co_await api.serve(request, response);
      co_return;
    }
    ++upgrades;
    if (onlySpdy && !request.headers.hasToken("Upgrade", "SPDY/3.1")) {
      Status sent = co_await response.respond(400, net::Headers(), "no websocket here");
      co_return;
    }
    if (!session) {
      Status served = co_await streaming::servePortForward(request, response, ports_);
      co_return;
    }
    auto query = net::Query::parse(request.query);
    streaming::StreamSet set;
    set.stdin_ = query->get("stdin") == "true";
    set.stdout_ = query->get("stdout") == "true";
    set.stderr_ = query->get("stderr") == "true";
    set.tty = query->get("tty") == "true";
    lastQuery = *query;
    auto accepted = co_await streaming::acceptRemoteCommand(request, response, set, request.stop);
    if (!accepted.ok()) co_return;
    auto command = query->all("command");
    if (command.empty()) command = {"cat"};
    if (command[0] == "size") {
      auto size = co_await (*accepted)->nextResize(request.stop);
      auto line = size ? std::to_string(size->width) + "x" + std::to_string(size->height) : "none";
      Status sent = co_await (*accepted)->writeStdout(line, request.stop);
      command = {"true"};
    }
    LocalCommand local(reactor_, **accepted);
    auto outcome = co_await local.run(std::move(command), request.stop);
    Status told = co_await (*accepted)->finish(outcome, request.stop);
    co_await (*accepted)->close();
  }

  FakeApi api;
  bool onlySpdy = false;
  int upgrades = 0;
  net::Query lastQuery;

 private:
  Reactor& reactor_;
  LocalPorts ports_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

std::string slurp(int fd) {
  std::string text;
  char buffer[4096];
  ::lseek(fd, 0, SEEK_SET);
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

Task<bool> stopServer(net::HttpServer& server) {
  co_await server.stop(1s);
  co_return true;
}

constexpr const char* kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},)"
    R"("spec":{"nodeName":"n","initContainers":[{"name":"setup"}],)"
    R"("containers":[{"name":"main","ports":[{"name":"http","containerPort":8080}]},)"
    R"({"name":"side","tty":true}]},"status":{"phase":"Running"}})";

class RemoteCommands : public ::testing::Test {
 protected:
  RemoteCommands() : api(reactor_) {
    char pattern[] = "/tmp/coxswain-remote-XXXXXX";
    folder = ::mkdtemp(pattern);
    ::setenv("KUBECONFIG", (folder + "/config").c_str(), 1);
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    auto& answers = api.api.answers;
    answers["GET /api"] = {R"({"kind":"APIVersions","versions":["v1"]})"};
    answers["GET /apis"] = {
        R"({"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]})"};
    answers["GET /api/v1"] = {
        R"({"kind":"APIResourceList","groupVersion":"v1","resources":[)"
        R"({"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list","watch"],"shortNames":["po"]},)"
        R"({"name":"services","singularName":"service","namespaced":true,"kind":"Service","verbs":["get","list","watch"],"shortNames":["svc"]}]})"};
    answers["GET /apis/apps/v1"] = {
        R"({"kind":"APIResourceList","groupVersion":"apps/v1","resources":[)"
        R"({"name":"deployments","singularName":"deployment","namespaced":true,"kind":"Deployment","verbs":["get","list","watch"],"shortNames":["deploy"]}]})"};
    answers["GET /apis/apps/v1/namespaces/default/deployments/web"] = {
        R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"default"},"spec":{"selector":{"matchLabels":{"app":"web"}}}})"};
    answers["GET /api/v1/namespaces/default/pods/web"] = {kPod};
    answers["GET /api/v1/namespaces/default/pods"] = {
        R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)"
        R"({"metadata":{"name":"late","namespace":"default"},"spec":{"nodeName":"n","containers":[{"name":"main"}]},"status":{"phase":"Pending"}},)" +
        std::string(kPod) + "]}"};
    auto server = net::HttpServer::start(reactor_, {}, api);
    EXPECT_TRUE(server.ok());
    server_ = std::move(*server);
    thread_ = std::thread([this] { reactor_.run(); });
  }
  ~RemoteCommands() override {
    Reactor here;
    blockOn(here, coxswain::runOn(reactor_, stopServer(*server_)));
    reactor_.stop();
    thread_.join();
    fs::remove_all(folder);
  }

  Ran run(std::vector<std::string> args, const std::string& input = "") {
    args.insert(args.begin(), "--server=http://" + server_->address());
    std::vector<const char*> pointers;
    for (const auto& arg : args) pointers.push_back(arg.c_str());
    Streams streams;
    streams.in = ::memfd_create("in", MFD_CLOEXEC);
    streams.out = ::memfd_create("out", MFD_CLOEXEC);
    streams.err = ::memfd_create("err", MFD_CLOEXEC);
    EXPECT_EQ(::write(streams.in, input.data(), input.size()), static_cast<ssize_t>(input.size()));
    ::lseek(streams.in, 0, SEEK_SET);
    Ran ran;
    ran.code = cli::run(pointers, streams);
    ran.out = slurp(streams.out);
    ran.err = slurp(streams.err);
    for (int fd : {streams.in, streams.out, streams.err}) ::close(fd);
    return ran;
  }
  /// With all three streams on one terminal.
  int runOn(int terminal, std::vector<std::string> args) {
    args.insert(args.begin(), "--server=http://" + server_->address());
    std::vector<const char*> pointers;
    for (const auto& arg : args) pointers.push_back(arg.c_str());
    Streams streams;
    streams.in = streams.out = streams.err = terminal;
    return cli::run(pointers, streams);
  }
  /// The query of the last request for a log.
  std::string logQuery() {
    for (auto it = api.api.seen.rbegin(); it != api.api.seen.rend(); ++it)
      if (it->path.ends_with("/log")) return it->query;
    return "none";
  }
  static std::string textOf(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  std::string address() const { return server_->address(); }

  Reactor reactor_;
  PodsApi api;
  std::string folder;

 private:
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
};

constexpr const char* kDefaulted =
    "Defaulted container \"main\" out of: main, side, setup (init)\n";

TEST_F(RemoteCommands, ExecPrintsAndSucceeds) {
  auto ran = run({"exec", "web", "--", "sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "out\n");
  EXPECT_EQ(ran.err, std::string(kDefaulted) + "err\n");
  EXPECT_EQ(api.lastQuery.get("container"), "main");
  EXPECT_EQ(api.upgrades, 1);
}

TEST_F(RemoteCommands, ExecPassesStdinAndExitCode) {
  std::string big(300000, 'x');
  auto ran = run({"exec", "-i", "web", "-c", "side", "--", "sh", "-c", "wc -c; exit 7"}, big);
  EXPECT_EQ(ran.code, 7);
  EXPECT_EQ(ran.out, "300000\n");
  EXPECT_EQ(ran.err, "command terminated with exit code 7\n");
}

TEST_F(RemoteCommands, ExecOfAMissingProgram) {
  auto ran = run({"exec", "web", "-c", "main", "--", "/no/such/program"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "error: Internal error occurred: exec: \"/no/such/program\": executable file not "
            "found\n");
}

TEST_F(RemoteCommands, ExecFallsBackToSpdy) {
  api.onlySpdy = true;
  auto ran = run({"exec", "-i", "web", "-c", "main", "--", "cat"}, "hello");
  EXPECT_EQ(ran.out, "hello");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(api.upgrades, 2);
}

TEST_F(RemoteCommands, ExecWithoutATerminal) {
  auto ran = run({"exec", "-it", "web", "-c", "main", "--", "cat"}, "x");
  EXPECT_EQ(ran.err, "Unable to use a TTY - input is not a terminal or the right kind of file\n");
  EXPECT_EQ(ran.out, "x");
}

/// A terminal of 132 columns; what is written to it is read by `read`.
class Terminal {
 public:
  Terminal() {
    winsize size{};
    size.ws_col = 132;
    size.ws_row = 50;
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    ::tcgetattr(slave, &before);
  }
  ~Terminal() {
    ::close(master);
    ::close(slave);
  }
  bool restored() const {
    termios now{};
    ::tcgetattr(slave, &now);
    return now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag &&
           now.c_oflag == before.c_oflag;
  }
  /// As many bytes as that, and what came with them.
  std::string read(size_t least) const {
    std::string text;
    char buffer[1000];
    while (text.size() < least) {
      const ssize_t n = ::read(master, buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }
  int master = -1;
  int slave = -1;
  termios before{};
};

TEST_F(RemoteCommands, ExecOnATerminal) {
  Terminal terminal;
  // Typed ahead; a raw terminal passes ^C and ^D on as they are.
  std::thread typist([&] {
    termios now{};
    do ::tcgetattr(terminal.slave, &now);
    while ((now.c_lflag & ICANON) != 0);
    EXPECT_EQ(::write(terminal.master, "a\x03\x04z", 4), 4);
  });
  auto ran = runOn(terminal.slave, {"exec", "-it", "web", "-c", "main", "--", "head", "-c", "4"});
  typist.join();
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(terminal.read(4), "a\x03\x04z");
  EXPECT_TRUE(terminal.restored());
}

TEST_F(RemoteCommands, ExecTellsTheTerminalsSize) {
  Terminal terminal;
  EXPECT_EQ(runOn(terminal.slave, {"exec", "-it", "web", "-c", "main", "--", "size"}), 0);
  EXPECT_EQ(terminal.read(6), "132x50");
  EXPECT_TRUE(terminal.restored());
}

TEST_F(RemoteCommands, ExecTakesTheReadiestPodOfADeployment) {
  auto ran = run({"exec", "deployment/web", "-c", "main", "--", "echo", "hi"});
  EXPECT_EQ(ran.out, "hi\n") << ran.err;
}

TEST_F(RemoteCommands, ExecComplaints) {
  EXPECT_EQ(run({"exec", "web", "ls"}).err,
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] "
            "instead\nSee 'kubectl exec -h' for help and examples\n");
  EXPECT_EQ(run({"exec", "web"}).err,
            "error: you must specify at least one command for the container\n");
  EXPECT_EQ(run({"exec", "--", "ls"}).err,
            "error: pod, type/name or --filename must be specified\n");
  EXPECT_EQ(run({"exec", "web", "-c", "none", "--", "ls"}).err,
            "error: container none is not valid for pod web out of: main, side, setup (init)\n");
  auto missing = run({"exec", "nobody", "--", "ls"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(missing.err.starts_with("Error from server (NotFound)")) << missing.err;
}

TEST_F(RemoteCommands, Attach) {
  auto ran = run({"attach", "-i", "-q", "web", "-c", "main"}, "typed");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "typed");
  EXPECT_EQ(ran.err, "");
}

TEST_F(RemoteCommands, CopyToAndFromThePod) {
  fs::create_directories(folder + "/from/deep/empty");
  fs::create_directories(folder + "/pod");
  std::string data(200000, 'd');
  std::ofstream(folder + "/from/a.txt") << data;
  std::ofstream(folder + "/from/deep/b.txt") << "b";
  fs::create_symlink("a.txt", folder + "/from/link");
  auto there = run({"cp", folder + "/from", "web:" + folder + "/pod", "-c", "main"});
  EXPECT_EQ(there.code, 0) << there.err;
  EXPECT_EQ(textOf(folder + "/pod/from/a.txt"), data);
  EXPECT_EQ(textOf(folder + "/pod/from/deep/b.txt"), "b");
  EXPECT_TRUE(fs::is_directory(folder + "/pod/from/deep/empty"));
  EXPECT_TRUE(fs::is_symlink(folder + "/pod/from/link"));
  auto back = run({"cp", "default/web:" + folder + "/pod/from", folder + "/back", "-c", "main"});
  EXPECT_EQ(back.code, 0) << back.err;
  EXPECT_EQ(textOf(folder + "/back/a.txt"), data);
  EXPECT_EQ(textOf(folder + "/back/deep/b.txt"), "b");
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder + "/back/link")));
  EXPECT_NE(back.err.find("warning: skipping symlink"), std::string::npos) << back.err;
}

TEST_F(RemoteCommands, CopyOneFileUnderAnotherName) {
  std::ofstream(folder + "/one") << "1";
  EXPECT_EQ(run({"cp", folder + "/one", "web:" + folder + "/two", "-c", "main"}).code, 0);
  EXPECT_EQ(textOf(folder + "/two"), "1");
  EXPECT_EQ(run({"cp", "web:" + folder + "/two", folder + "/three", "-c", "main"}).code, 0);
  EXPECT_EQ(textOf(folder + "/three"), "1");
}

TEST_F(RemoteCommands, CopyComplaints) {
  auto missing = run({"cp", "web:" + folder + "/none", folder + "/x", "-c", "main"});
  EXPECT_NE(missing.code, 0);
  EXPECT_NE(missing.err.find("command terminated with exit code"), std::string::npos);
  EXPECT_EQ(run({"cp", "a", "b"}).err,
            "error: one of src or dest must be a remote file specification\n");
  EXPECT_EQ(run({"cp", "web:a", "web:b"}).err,
            "error: one of src or dest must be a local file specification\n");
  EXPECT_EQ(run({"cp", "a/b/c:x", "y"}).err,
            "error: filespec must match the canonical format: [[namespace/]pod:]file/path\n");
  EXPECT_EQ(run({"cp", folder + "/none", "web:/x"}).err,
            "error: " + folder + "/none doesn't exist in local filesystem\n");
}

TEST_F(RemoteCommands, Logs) {
  api.api.answers["GET /api/v1/namespaces/default/pods/web/log"] = {"one\ntwo\n"};
  auto ran = run({"logs", "web", "--tail=5", "--since=90s", "--timestamps"});
  EXPECT_EQ(ran.out, "one\ntwo\n");
  EXPECT_EQ(ran.err, kDefaulted);
  EXPECT_EQ(logQuery(), "container=main&timestamps=true&tailLines=5&sinceSeconds=90");
}

TEST_F(RemoteCommands, LogsOfAllContainersWithPrefix) {
  api.api.answers["GET /api/v1/namespaces/default/pods/web/log"] = {"1\n", "2\n", "3"};
  auto ran = run({"logs", "web", "--all-containers", "--prefix"});
  EXPECT_EQ(ran.out, "[pod/web/setup] 1\n[pod/web/main] 2\n[pod/web/side] 3");
}

TEST_F(RemoteCommands, LogsOfADeploymentAndOfASelector) {
  api.api.answers["GET /api/v1/namespaces/default/pods/web/log"] = {"w\n"};
  api.api.answers["GET /api/v1/namespaces/default/pods/late/log"] = {"l\n"};
  auto one = run({"logs", "deploy/web", "-c", "main"});
  EXPECT_EQ(one.out, "w\n");
  EXPECT_EQ(one.err, "Found 2 pods, using pod/web\n");
  auto all = run({"logs", "-l", "app=web", "-c", "main"});
  EXPECT_EQ(all.out, "w\nl\n");
  EXPECT_EQ(logQuery(), "container=main&tailLines=10");
}

TEST_F(RemoteCommands, LogsThatFail) {
  api.api.answers["GET /api/v1/namespaces/default/pods/web/log"] = {client::testing::Answer(
      400,
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"container \"main\" in pod \"web\" is waiting to start: ContainerCreating"})")};
  auto ran = run({"logs", "web", "-c", "main"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(
      ran.err,
      "Error from server (BadRequest): container \"main\" in pod \"web\" is waiting to start: "
      "ContainerCreating\n");
  EXPECT_TRUE(run({"logs"}).err.starts_with("error: expected 'logs [-f] [-p] (POD | TYPE/NAME)"));
  EXPECT_EQ(run({"logs", "web", "--tail=-2"}).err,
            "error: --tail must be greater than or equal to -1\n");
}

Task<std::string> askThrough(Reactor& reactor, uint16_t port, std::string request) {
  Deadline deadline(240s, {});
  while (!deadline.expired()) {
    auto stream =
        co_await net::dial(reactor, "127.0.0.1:" + std::to_string(port), deadline.token());
    if (!stream.ok()) {
      Status slept = co_await sleepFor(20ms, deadline.token());
      continue;
    }
    Status sent = co_await (*stream)->write(request, deadline.token());
    char buffer[100];
    auto n = co_await (*stream)->read(buffer, deadline.token());
    co_return n.ok() ? std::string(buffer, *n) : n.status().toString();
  }
  co_return std::string("never listened");
}

TEST_F(RemoteCommands, PortForwardUntilInterrupted) {
  // The pod's port is that of the API server of the test.
  auto remote = address().substr(address().rfind(':') + 1);
  Reactor here;
  const auto local = net::testing::freePort(here);
  // In a process of its own, since it ends by a signal.
  pid_t child = ::fork();
  if (child == 0) {
    auto ran = run(
        {"port-forward", "pod/web", "--address=127.0.0.1", std::to_string(local) + ":" + remote});
    bool said = ran.out.find("Forwarding from 127.0.0.1:" + std::to_string(local) + " -> " +
                             remote + "\nHandling connection for " + std::to_string(local)) == 0;
    ::_exit(ran.code == 0 && said ? 0 : 1);
  }
  auto answer = blockOn(here, askThrough(here, local, "GET /api HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(RemoteCommands, PortForwardComplaints) {
  EXPECT_EQ(run({"port-forward", "web"}).err,
            "error: TYPE/NAME and list of ports are required for port-forward\n"
            "See 'kubectl port-forward -h' for help and examples\n");
  EXPECT_EQ(run({"port-forward", "web", "nope"}).err,
            "error: Pod 'web' does not have a named port 'nope'\n");
  EXPECT_EQ(run({"port-forward", "web", "80", "--address=here"}).err,
            "error: here is not a valid IP\n");
}

json::value parsed(const char* text) {
  return json::parse(text);
}

TEST(ForwardedPorts, PodsAndServices) {
  auto pod = parsed(kPod);
  auto service = parsed(
      R"({"kind":"Service","metadata":{"name":"s"},"spec":{"ports":[)"
      R"({"name":"web","port":80,"targetPort":"http"},{"name":"raw","port":81,"targetPort":9000},)"
      R"({"name":"dns","port":53,"protocol":"UDP"}]}})");
  using Ports = std::vector<ForwardedPort>;
  EXPECT_EQ(*forwardedPorts(pod, pod, {"5000", "1:2", ":3", "http", "9:http"}),
            (Ports{{5000, 5000}, {1, 2}, {0, 3}, {8080, 8080}, {9, 8080}}));
  EXPECT_EQ(*forwardedPorts(service, pod, {"80", "web", "1:raw", "81"}),
            (Ports{{80, 8080}, {80, 8080}, {1, 9000}, {81, 9000}}));
  for (const char* bad : {"82", "none", "dns", "", "1:", "0", "70000", "x:80", "1:2:3"})
    EXPECT_FALSE(forwardedPorts(service, pod, {bad}).ok()) << bad;
}

TEST(Archive, PathsStayBelow) {
  bool foreign = false;
  EXPECT_EQ(pathBelow("tmp/foo", "tmp/foo", &foreign), "");
  EXPECT_EQ(pathBelow("tmp/foo/", "tmp/foo", &foreign), "");
  EXPECT_EQ(pathBelow("tmp/foo/a/./b", "tmp/foo", &foreign), "a/b");
  EXPECT_EQ(pathBelow("a", "", &foreign), "a");
  EXPECT_FALSE(foreign);
  EXPECT_EQ(pathBelow("tmp/foo/../../etc/passwd", "tmp/foo", &foreign), std::nullopt);
  EXPECT_FALSE(foreign);
  for (const char* name : {"tmp/foobar", "etc/passwd", "/tmp/foo"}) {
    pathBelow(name, "tmp/foo", &foreign);
    EXPECT_TRUE(foreign) << name;
  }
  pathBelow("/etc/passwd", "", &foreign);
  EXPECT_TRUE(foreign);
}

Task<std::string> readAll(Reactor& reactor, int fd) {
  InputReader reader(reactor, fd);
  std::string out;
  while (true) {
    auto piece = co_await reader.read({});
    if (!piece.ok() || piece->empty()) break;
    out += *piece;
  }
  co_return out;
}

Task<bool> giveUp(Reactor& reactor, int fd) {
  InputReader reader(reactor, fd);
  Deadline deadline(10ms, {});
  auto piece = co_await reader.read(deadline.token());
  co_return !piece.ok() && isCanceled(piece.status());
}

TEST(InputReader, WholeInputAndGivingUp) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string data(500000, 'i');
  std::thread writer([&] {
    for (size_t at = 0; at < data.size();) {
      ssize_t n = ::write(ends[1], data.data() + at, data.size() - at);
      if (n > 0) at += static_cast<size_t>(n);
    }
    ::close(ends[1]);
  });
  Reactor reactor;
  EXPECT_EQ(blockOn(reactor, readAll(reactor, ends[0])).size(), data.size());
  writer.join();
  ::close(ends[0]);
  ASSERT_EQ(::pipe(ends), 0);
  Reactor second;
  EXPECT_TRUE(blockOn(second, giveUp(second, ends[0])));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace coxswain::cli
