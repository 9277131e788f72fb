#include "cli/remote/attach.h"

#include "cli/framework/errors.h"
#include "cli/remote/dial.h"
#include "cli/remote/pods.h"
#include "cli/remote/run_session.h"
#include "cli/remote/terminal.h"

namespace coxswain::cli {

Task<Status> attachTo(Session& session, json::value pod, AttachOptions options) {
  auto phase = textAt(pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed")
    co_return fault("cannot attach a container in a completed pod; current phase is " + phase);
  auto chosen = chooseContainer(session, pod, options.container, options.quiet);
  if (!chosen.ok()) co_return fault("cannot attach to the container: " + chosen.status().message());
  streaming::StreamSet streams;
  streams.stdin_ = options.input;
  streams.stdout_ = true;
  if (options.tty && !chosen->tty && !options.quiet)
    session.error("error: Unable to use a TTY - container " + chosen->name +
                  " did not allocate one\n");
  // A container with a terminal has one stream of output, whatever was asked for.
  streams.tty = chosen->tty;
  streams.stderr_ = !streams.tty;
  bool raw = streams.tty && options.input && isTerminal(session.streams().in);
  CommandTarget target;
  target.ns = namespaceOf(pod);
  target.pod = nameOf(pod);
  target.container = chosen->name;
  if (!options.quiet)
    session.error(
        "All commands and output from this session will be recorded in container logs, including "
        "credentials and sensitive information passed through the command prompt.\n"
        "If you don't see a command prompt, try pressing enter.\n");
  auto resume = "Session ended, resume using 'kubectl attach " + target.pod + " -c " +
                target.container + " -n " + target.ns + " -i -t' command";
  if (chosen->kind == ContainerKind::Ephemeral)
    resume =
        "Session ended, the ephemeral container will not be restarted but may be reattached "
        "using 'kubectl attach " +
        target.pod + " -c " + target.container + " -n " + target.ns +
        " -i -t' if it is still running";
  CO_TRY(auto* rest, session.rest());
  auto dial = dialCommand(*rest, std::move(target), streams, {});
  CO_TRY_STATUS(co_await runSession(session, std::move(dial), raw));
  if (raw && !options.quiet) session.out().line(resume);
  co_return Status();
}

}  // namespace coxswain::cli
