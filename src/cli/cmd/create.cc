#include <algorithm>

#include "api/names/quote.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

class Create final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "create");
    action_.declare(flags, "kubectl-create");
    action_.declareValidate(flags);
    flags.boolean(&saveConfig_, "save-config", 0, "Write the annotation that apply needs later.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty()) {
      co_return session.usageError("Unexpected args: [" + joined(words, " ") + "]");
    }
    if (selection_.files.empty()) co_return fault("must specify one of -f and -k");
    CO_TRY_STATUS(action_.complete());
    CO_TRY(auto infos, co_await readFiles(session, selection_));
    if (infos.empty() && session.exitCode() == 0) co_return fault("no objects passed to create");
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      if (saveConfig_) setLastApplied(info.object);
      if (!action_.client()) {
        auto made = co_await client.create(*info.resource, info.ns, "", info.object,
                                           action_.writeOptions());
        if (isUnreachable(made.status())) co_return made.status();
        if (!made.ok()) {
          session.fail(
              made.status().withContext("error when creating " + api::goQuote(info.source)));
          continue;
        }
        info.object = std::move(*made);
        fillType(info.object, *info.resource);
      }
      CO_TRY_STATUS(action_.report(session, std::move(info.object), "created"));
    }
    co_return Status();
  }

 private:
  Selection selection_;
  Action action_;
  bool saveConfig_ = false;
};

}  // namespace

Command createCommand() {
  Command command;
  command.name = "create";
  command.usage = "-f FILENAME [options]";
  command.summary = "Create a resource from a file or from stdin";
  command.examples =
      "  # From a file\n  kubectl create -f pod.yaml\n\n"
      "  # A deployment of three nginx\n"
      "  kubectl create deployment web --image=nginx --replicas=3\n\n"
      "  # A manifest to keep\n"
      "  kubectl create service clusterip web --tcp=80 --dry-run=client -o yaml\n";
  command.group = "Basic Commands (Beginner)";
  command.make = makeVerb<Create>;
  for (auto generators :
       {accessGenerators, coreGenerators, serviceGenerators, workloadGenerators}) {
    for (auto& child : generators()) command.children.push_back(std::move(child));
  }
  command.children.push_back(tokenCommand());
  std::ranges::sort(command.children, {}, [](const Command& child) { return child.name; });
  return command;
}

}  // namespace coxswain::cli
