#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"
#include "cli/remote/attach.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

class Run final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.text(&image_, "image", 0, "The image to run. Required.");
    flags.text(&pullPolicy_, "image-pull-policy", 0, "Always, IfNotPresent or Never.");
    flags.list(&env_, "env", 0, "KEY=VALUE for the container; may be repeated.");
    flags.text(&port_, "port", 0, "Port the container listens on.");
    flags.text(&labels_, "labels", 'l', "Labels of the pod: a=b,c=d.");
    flags.list(&annotations_, "annotations", 0, "key=value; may be repeated.");
    flags.text(&restart_, "restart", 0, "Always, OnFailure or Never.");
    flags.boolean(&command_, "command", 0, "What follows is the command, not its arguments.");
    flags.boolean(&privileged_, "privileged", 0, "Run the container privileged.");
    flags.boolean(&stdin_, "stdin", 'i', "Keep standard input open; attach to it.");
    flags.boolean(&tty_, "tty", 't', "Give the container a terminal.");
    flags.boolean(&attach_, "attach", 0, "Wait until the pod runs and attach to it.");
    flags.boolean(&remove_, "rm", 0, "Delete the pod when we are done with it.");
    flags.boolean(&quiet_, "quiet", 'q', "Print only what the container prints.");
    flags.text(&overrides_, "overrides", 0, "JSON merged into the pod.");
    flags.duration(&podTimeout_, "pod-running-timeout", 0, "How long to wait until it runs.");
    action_.declare(flags, "kubectl-run");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(action_.complete());
    const auto dash = given.wordsAtDash();
    if (words.empty() || dash == 0) co_return session.usageError("NAME is required for run");
    if (image_.empty()) co_return fault("required flag(s) \"image\" not set");
    if (tty_ && !stdin_)
      co_return fault("-i/--stdin is required for containers with -t/--tty=true");
    if (!given.changed("attach")) attach_ = stdin_ || tty_;
    if (remove_ && !attach_) {
      co_return fault("--rm should only be used for attached containers");
    }
    if (attach_ && action_.dryRun != DryRun::None) {
      co_return fault("--dry-run=" + std::string(action_.client() ? "client" : "server") +
                      " can't be used with attached containers options (--attach, --stdin, or "
                      "--tty)");
    }
    CO_TRY(auto pod, makePod(words));
    CO_TRY(auto object, withOverrides(asValue(pod)));
    if (!attach_) co_return co_await createAndReport(session, action_, std::move(object), false);
    co_return co_await runAttached(session, std::move(object));
  }

 private:
  Result<api::core::v1::Pod> makePod(const std::vector<std::string>& words) const {
    api::core::v1::Pod pod;
    pod.metadata.name = words[0];
    if (labels_.empty()) {
      pod.metadata.labels["run"] = words[0];
    } else {
      for (const auto& part : splitAt(labels_, ',')) {
        TRY(auto pair, parseLiteral(part));
        pod.metadata.labels[pair.first] = pair.second;
      }
    }
    for (const auto& part : annotations_) {
      TRY(auto pair, parseLiteral(part));
      pod.metadata.annotations[pair.first] = pair.second;
    }
    if (restart_ != "Always" && restart_ != "OnFailure" && restart_ != "Never") {
      return fault("invalid restart policy: " + restart_ +
                   ", only Always, OnFailure and Never are possible");
    }
    pod.spec.restartPolicy = restart_;
    pod.spec.dnsPolicy = "ClusterFirst";
    auto& container = pod.spec.containers.emplace_back();
    container.name = words[0];
    container.image = image_;
    container.imagePullPolicy = pullPolicy_;
    container.stdin = stdin_;
    container.stdinOnce = stdin_ && restart_ == "Never";
    container.tty = tty_;
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (command_) {
      container.command = std::move(rest);
    } else {
      container.args = std::move(rest);
    }
    for (const auto& text : env_) {
      TRY(auto pair, parseLiteral(text));
      auto& variable = container.env.emplace_back();
      variable.name = pair.first;
      variable.value = pair.second;
    }
    if (!port_.empty()) {
      auto& port = container.ports.emplace_back();
      for (char c : port_) {
        if (c < '0' || c > '9' || port_.size() > 5) return fault("invalid port: " + port_);
        port.containerPort = port.containerPort * 10 + (c - '0');
      }
    }
    if (privileged_) container.securityContext.emplace().privileged = true;
    return pod;
  }

  Result<json::value> withOverrides(json::value object) const {
    if (overrides_.empty()) return object;
    auto parsed = api::parseJsonValue(overrides_);
    if (!parsed.ok()) return fault("--overrides: " + parsed.status().message());
    return api::applyMergePatch(std::move(object), *parsed);
  }

  Task<Status> runAttached(Session& session, json::value object) {
    CO_TRY(auto* mapper, co_await session.mapper());
    CO_TRY(const auto* pods, mapper->byName("pods"));
    CO_TRY(auto* rest, session.rest());
    CO_TRY(auto ns, session.ns());
    ObjectClient client(*rest);
    CO_TRY(auto pod, co_await client.create(*pods, ns, "", object, action_.writeOptions()));
    fillType(pod, *pods);
    const auto name = nameOf(pod);
    const auto uid = textAt(pod, {"metadata", "uid"});
    Status attached = co_await attachWhenRunning(session, client, *pods, ns, std::move(pod));
    if (!remove_) co_return attached;
    auto gone = co_await client.remove(*pods, ns, name, {});
    if (gone.ok()) {
      Status waited = co_await waitUntilGone(client, *pods, ns, name, uid, 0s);
      if (!quiet_) {
        session.out().line("pod " + api::goQuote(name) + " deleted from " + ns + " namespace");
      }
      if (!waited.ok() && attached.ok()) co_return waited;
    } else if (!isNotFound(gone.status()) && attached.ok()) {
      co_return gone.status();
    }
    co_return attached;
  }

  Task<Status> attachWhenRunning(Session& session, ObjectClient& client, const ApiResource& pods,
                                 std::string ns, json::value pod) {
    Deadline deadline(podTimeout_, {});
    const auto name = nameOf(pod);
    while (true) {
      const auto phase = textAt(pod, {"status", "phase"});
      if (phase == "Running") break;
      if (phase == "Succeeded" || phase == "Failed") co_return co_await finished(session, pod);
      ObjectListOptions from;
      from.resourceVersion = textAt(pod, {"metadata", "resourceVersion"});
      auto watch = co_await client.watch(pods, ns, name, from, deadline.token());
      if (watch.ok()) {
        auto event = co_await (*watch)->next(deadline.token());
        if (event.ok() && event->type == "DELETED") co_return fault("pod was deleted");
      }
      if (deadline.expired()) co_return fault("timed out waiting for the condition");
      CO_TRY(pod, co_await client.get(pods, ns, name));
    }
    fillType(pod, pods);
    AttachOptions options;
    options.container = name;
    options.input = stdin_;
    options.tty = tty_;
    options.quiet = quiet_;
    Status attached = co_await attachTo(session, std::move(pod), options);
    if (!attached.ok() || restart_ != "Never") co_return attached;
    // The container's exit code is ours: wait until it is known.
    while (!deadline.expired()) {
      auto now = co_await client.get(pods, ns, name);
      if (!now.ok()) co_return Status();
      const auto phase = textAt(*now, {"status", "phase"});
      if (phase == "Succeeded" || phase == "Failed") {
        exitWith(session, *now);
        co_return Status();
      }
      Status slept = co_await sleepFor(200ms, deadline.token());
      (void)slept;
    }
    co_return Status();
  }

  Task<Status> finished(Session& session, const json::value& pod) {
    // Too late to attach: what it printed is in its log.
    CO_TRY(auto* rest, session.rest());
    client::RestRequest request;
    request.path = "/api/v1/namespaces/" + client::percentEncode(namespaceOf(pod)) + "/pods/" +
                   client::percentEncode(nameOf(pod)) + "/log";
    auto log = co_await rest->call(std::move(request), {});
    if (log.ok()) session.out().write(log->body);
    exitWith(session, pod);
    co_return log.status();
  }

  static void exitWith(Session& session, const json::value& pod) {
    for (const auto& status : arrayAt(pod, {"status", "containerStatuses"})) {
      const auto code = integerAt(status, {"state", "terminated", "exitCode"});
      if (code == 0) continue;
      session.error("pod " + namespaceOf(pod) + "/" + nameOf(pod) + " terminated (" +
                    textAt(status, {"state", "terminated", "reason"}) + ")\n");
      session.exitCode(static_cast<int>(code));
    }
  }

  Action action_;
  std::string image_;
  std::string pullPolicy_;
  std::vector<std::string> env_;
  std::string port_;
  std::string labels_;
  std::vector<std::string> annotations_;
  std::string restart_ = "Always";
  bool command_ = false;
  bool privileged_ = false;
  bool stdin_ = false;
  bool tty_ = false;
  bool attach_ = false;
  bool remove_ = false;
  bool quiet_ = false;
  std::string overrides_;
  Duration podTimeout_ = 60s;
};

}  // namespace

Command runCommand() {
  Command command;
  command.name = "run";
  command.usage =
      "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] "
      "[--overrides=inline-json] [--command] -- [COMMAND] [args...] [options]";
  command.summary = "Run a particular image on the cluster";
  command.examples =
      "  kubectl run nginx --image=nginx\n\n"
      "  # A shell that is gone when you leave it\n"
      "  kubectl run -it --rm shell --image=busybox --restart=Never -- sh\n";
  command.group = "Basic Commands (Beginner)";
  command.make = makeVerb<Run>;
  return command;
}

}  // namespace coxswain::cli
