#include <sys/stat.h>

#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/remote/archive.h"
#include "cli/remote/dial.h"
#include "cli/remote/join_session.h"
#include "cli/remote/pipe.h"
#include "cli/remote/pods.h"
#include "cli/remote/run_session.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

namespace {

/// "[[namespace/]pod:]path"; a local one has no pod.
struct FileSpec {
  std::string ns;
  std::string pod;
  std::string path;

  static Result<FileSpec> parse(const std::string& text) {
    FileSpec out;
    auto colon = text.find(':');
    if (colon == std::string::npos) {
      out.path = text;
      return out;
    }
    auto bad = fault("filespec must match the canonical format: [[namespace/]pod:]file/path");
    if (colon == 0) return bad;
    auto owner = text.substr(0, colon);
    out.path = text.substr(colon + 1);
    auto slash = owner.find('/');
    if (slash == std::string::npos) {
      out.pod = owner;
      return out;
    }
    out.ns = owner.substr(0, slash);
    out.pod = owner.substr(slash + 1);
    if (out.pod.find('/') != std::string::npos) return bad;
    return out;
  }
};

std::string baseOf(const std::string& path) {
  auto clean = cleanPath(path);
  return clean.substr(clean.rfind('/') + 1);
}

std::string folderOf(const std::string& path) {
  auto clean = cleanPath(path);
  auto slash = clean.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : clean.substr(0, slash);
}

class Copy final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.text(&container_, "container", 'c', "The container; the pod's default one if missing.");
    flags.boolean(&noPreserve_, "no-preserve", 0,
                  "Do not keep the files' owners and modes in the container.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 2) co_return session.usageError("source and destination are required");
    CO_TRY(auto from, FileSpec::parse(words[0]));
    CO_TRY(auto to, FileSpec::parse(words[1]));
    if (!from.pod.empty() && !to.pod.empty())
      co_return fault("one of src or dest must be a local file specification");
    if (from.path.empty() || to.path.empty()) co_return fault("filepath can not be empty");
    if (from.pod.empty() && to.pod.empty())
      co_return fault("one of src or dest must be a remote file specification");
    auto& remote = from.pod.empty() ? to : from;
    struct stat info {};
    if (from.pod.empty() && ::stat(from.path.c_str(), &info) != 0)
      co_return fault(from.path + " doesn't exist in local filesystem");
    CO_TRY_STATUS(co_await findContainer(session, remote));
    if (from.pod.empty()) co_return co_await toPod(session, from.path, to.path);
    co_return co_await fromPod(session, from.path, to.path);
  }

 private:
  Task<Status> findContainer(Session& session, FileSpec remote) {
    CO_TRY(target_.ns, session.ns());
    if (!remote.ns.empty()) target_.ns = remote.ns;
    target_.pod = remote.pod;
    CO_TRY(auto* mapper, co_await session.mapper());
    const auto* pods = mapper->byPlural("", "pods");
    if (!pods) co_return fault("the server doesn't have a resource type \"pods\"");
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    CO_TRY(auto pod, co_await client.get(*pods, target_.ns, target_.pod));
    CO_TRY(auto container, chooseContainer(session, pod, container_, false));
    target_.container = container.name;
    co_return Status();
  }

  Task<Result<std::unique_ptr<streaming::ClientSession>>> dial(Session& session,
                                                               std::vector<std::string> command,
                                                               bool input) {
    CO_TRY(auto* rest, session.rest());
    auto target = target_;
    target.command = std::move(command);
    streaming::StreamSet streams;
    streams.stdin_ = input;
    streams.stdout_ = true;
    streams.stderr_ = true;
    co_return co_await dialCommand(*rest, std::move(target), streams, {});
  }

  Task<Result<bool>> isFolder(Session& session, std::string path) {
    std::vector<std::string> test = {"test", "-d", path};
    CO_TRY(auto remote, co_await dial(session, std::move(test), false));
    NoOutput nowhere;
    std::stop_source ended;
    CO_TRY(auto outcome, co_await joinSession(*remote, nullptr, nowhere, nowhere, ended));
    co_return outcome.ok();
  }

  Task<Status> toPod(Session& session, std::string from, std::string to) {
    CO_TRY(bool folder, co_await isFolder(session, to));
    auto destination = folder ? to + "/" + baseOf(from) : to;
    std::vector<std::string> command = {"tar"};
    if (noPreserve_) {
      command.emplace_back("--no-same-permissions");
      command.emplace_back("--no-same-owner");
    }
    for (const char* word : {"-xmf", "-", "-C"}) command.emplace_back(word);
    command.push_back(folderOf(destination));
    CO_TRY(auto remote, co_await dial(session, std::move(command), true));
    int far = -1;
    auto pipe = PipeInput::create(session.reactor(), far);
    if (!pipe.ok()) {
      co_await remote->close();
      co_return pipe.status();
    }
    ArchiveWriter writer(from, baseOf(destination), far);
    FdOutput out(session.streams().out);
    FdOutput err(session.streams().err);
    std::stop_source ended;
    auto outcome = co_await joinSession(*remote, pipe->get(), out, err, ended);
    (*pipe)->close();
    Status packed = co_await writer.wait();
    Status concluded = concludeSession(session, outcome);
    // Where tar over there gave up, packing could not go on either: that is the cause.
    if (!concluded.ok() || session.exitCode() != 0) co_return concluded;
    co_return packed;
  }

  Task<Status> fromPod(Session& session, std::string from, std::string to) {
    std::vector<std::string> command = {"tar", "cf", "-", from};
    CO_TRY(auto remote, co_await dial(session, std::move(command), false));
    int far = -1;
    auto pipe = PipeOutput::create(session.reactor(), far);
    if (!pipe.ok()) {
      co_await remote->close();
      co_return pipe.status();
    }
    // As tar names its entries: without leading slashes and parents.
    auto prefix = cleanPath(from);
    while (prefix.starts_with('/')) prefix.erase(0, 1);
    while (prefix.starts_with("../")) prefix.erase(0, 3);
    if (prefix == "..") prefix.clear();
    int warnings = session.streams().err;
    ArchiveReader reader(far, prefix, to,
                         [warnings](const std::string& text) { writeAll(warnings, text); });
    FdOutput err(session.streams().err);
    std::stop_source ended;
    auto outcome = co_await joinSession(*remote, nullptr, **pipe, err, ended);
    (*pipe)->close();
    Status unpacked = co_await reader.wait();
    Status concluded = concludeSession(session, outcome);
    if (!concluded.ok() || session.exitCode() != 0) co_return concluded;
    co_return unpacked;
  }

  std::string container_;
  bool noPreserve_ = false;
  CommandTarget target_;
};

}  // namespace

Command cpCommand() {
  Command command;
  command.name = "cp";
  command.usage = "<file-spec-src> <file-spec-dest> [options]";
  command.summary = "Copy files and directories to and from containers";
  command.details =
      "Needs a tar program in the container. Symbolic links are not copied from there.";
  command.examples =
      "  # To and from a pod of the present namespace\n"
      "  kubectl cp notes.txt web-0:/tmp/notes.txt\n  kubectl cp web-0:/var/log/app ./app-logs\n\n"
      "  # Of another namespace, a container by name\n"
      "  kubectl cp other/web-0:/etc/hosts hosts -c proxy\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Copy>;
  return command;
}

}  // namespace coxswain::cli
