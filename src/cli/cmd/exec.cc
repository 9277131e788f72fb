#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/remote/dial.h"
#include "cli/remote/pods.h"
#include "cli/remote/run_session.h"
#include "cli/remote/terminal.h"

namespace coxswain::cli {

namespace {

class Exec final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.text(&container_, "container", 'c',
               "The container; where it is not given, the one of the annotation "
               "kubectl.kubernetes.io/default-container, else the first.");
    flags.boolean(&stdin_, "stdin", 'i', "Pass standard input on.");
    flags.boolean(&tty_, "tty", 't', "Standard input is a terminal.");
    flags.boolean(&quiet_, "quiet", 'q', "Print only what the command prints.");
    flags.duration(&podTimeout_, "pod-running-timeout", 0,
                   "How long to wait until there is a pod.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(check(session, words, given));
    CommandTarget target;
    target.command.assign(words.begin() + 1, words.end());
    CO_TRY(auto object, co_await namedObject(session, words[0]));
    CO_TRY(auto pod, co_await firstPod(session, std::move(object), PodOrder::Active, podTimeout_));
    auto phase = textAt(pod, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed")
      co_return fault("cannot exec into a container in a completed pod; current phase is " + phase);
    CO_TRY(auto container, chooseContainer(session, pod, container_, quiet_));
    target.ns = namespaceOf(pod);
    target.pod = nameOf(pod);
    target.container = container.name;
    streaming::StreamSet streams;
    streams.stdin_ = stdin_;
    streams.stdout_ = true;
    streams.tty = tty_ && stdin_;
    if (streams.tty && !isTerminal(session.streams().in)) {
      streams.tty = false;
      if (!quiet_)
        session.error("Unable to use a TTY - input is not a terminal or the right kind of file\n");
    }
    streams.stderr_ = !streams.tty;
    CO_TRY(auto* rest, session.rest());
    auto dial = dialCommand(*rest, std::move(target), streams, {});
    co_return co_await runSession(session, std::move(dial), streams.tty);
  }

 private:
  static Status check(Session& session, const std::vector<std::string>& words,
                      const FlagSet& given) {
    int dash = given.wordsAtDash();
    if (dash < 0 && words.size() > 1)
      return session.usageError(
          "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead");
    if (words.empty() || dash == 0) return fault("pod, type/name or --filename must be specified");
    if (dash > 1) return fault("expected one POD or TYPE/NAME before --");
    if (words.size() < 2) return fault("you must specify at least one command for the container");
    return {};
  }

  std::string container_;
  bool stdin_ = false;
  bool tty_ = false;
  bool quiet_ = false;
  Duration podTimeout_ = 1min;
};

}  // namespace

Command execCommand() {
  Command command;
  command.name = "exec";
  command.usage = "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]";
  command.summary = "Execute a command in a container";
  command.examples =
      "  # One command, then with arguments of its own\n"
      "  kubectl exec web-0 -- date\n  kubectl exec web-0 -c proxy -- ls -l /etc\n\n"
      "  # A shell\n  kubectl exec -it web-0 -- sh\n\n"
      "  # In a pod of a deployment\n  kubectl exec deployment/web -- date\n\n"
      "  # Feeds a program over there\n  kubectl exec -i web-0 -- sh -c 'cat > /tmp/in' < in\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Exec>;
  return command;
}

}  // namespace coxswain::cli
