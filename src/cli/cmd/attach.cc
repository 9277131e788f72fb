#include "cli/remote/attach.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/remote/pods.h"

namespace coxswain::cli {

namespace {

class Attach final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.text(&options_.container, "container", 'c',
               "The container; where it is not given, the one of the annotation "
               "kubectl.kubernetes.io/default-container, else the first.");
    flags.boolean(&options_.input, "stdin", 'i', "Pass standard input on.");
    flags.boolean(&options_.tty, "tty", 't', "Standard input is a terminal.");
    flags.boolean(&options_.quiet, "quiet", 'q', "Print only what the container prints.");
    flags.duration(&podTimeout_, "pod-running-timeout", 0,
                   "How long to wait until there is a pod.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.empty()) co_return fault("at least 1 argument is required for attach");
    if (words.size() > 2)
      co_return fault("expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw " +
                      std::to_string(words.size()) + ": [" + joined(words, " ") + "]");
    if (podTimeout_ <= Duration::zero())
      co_return fault("--pod-running-timeout must be higher than zero");
    auto word = words.size() == 2 ? words[0] + "/" + words[1] : words[0];
    CO_TRY(auto object, co_await namedObject(session, word));
    CO_TRY(auto pod, co_await firstPod(session, std::move(object), PodOrder::Active, podTimeout_));
    co_return co_await attachTo(session, std::move(pod), options_);
  }

 private:
  AttachOptions options_;
  Duration podTimeout_ = 1min;
};

}  // namespace

Command attachCommand() {
  Command command;
  command.name = "attach";
  command.usage = "(POD | TYPE/NAME) -c CONTAINER [options]";
  command.summary = "Attach to a running container";
  command.examples =
      "  # What a pod's container prints from now on\n  kubectl attach web-0\n\n"
      "  # Its terminal\n  kubectl attach shell -c main -i -t\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Attach>;
  return command;
}

}  // namespace coxswain::cli
