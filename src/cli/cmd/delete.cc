#include "api/names/quote.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

class Delete final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "delete");
    selection_.declareSelectors(flags, true);
    flags.boolean(&selection_.all, "all", 0, "All of the type in the namespace.");
    flags.boolean(&selection_.allNamespaces, "all-namespaces", 'A', "In all namespaces.");
    flags.boolean(&selection_.ignoreNotFound, "ignore-not-found", 0,
                  "What is not there is no failure.");
    flags.textOr(&cascade_, "cascade", 0, "background",
                 "background, foreground or orphan: what happens to objects this one owns.");
    flags.boolean(&force_, "force", 0, "Remove at once, without waiting for graceful termination.");
    flags.integer(&gracePeriod_, "grace-period", 0,
                  "Seconds to end in; negative: as the object says; 0 only with --force.");
    flags.boolean(&now_, "now", 0, "The same as --grace-period=1.");
    flags.boolean(&wait_, "wait", 0, "Return when the objects are gone.");
    flags.duration(&timeout_, "timeout", 0, "How long to wait; 0: as long as it takes.");
    flags.text(&output_, "output", 'o', "name: print type/name only.");
    action_.declareDryRun(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(action_.complete());
    CO_TRY_STATUS(check(given, words));
    selection_.words = std::move(words);
    if (force_) {
      session.warn(
          "Immediate deletion does not wait for confirmation that the running resource "
          "has been terminated. The resource may continue to run on the cluster "
          "indefinitely.");
    }
    const bool byName = selection_.files.empty() && !selection_.all &&
                        selection_.labelSelector.empty() && selection_.fieldSelector.empty();
    CO_TRY(auto infos, co_await resolve(session, selection_, false));
    if (infos.empty()) {
      if (!selection_.ignoreNotFound && session.exitCode() == 0)
        session.out().line("No resources found");
      co_return Status();
    }
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    std::vector<std::pair<Info, std::string>> going;  // with their uids
    for (auto& info : infos) {
      std::string uid;
      Status removed = co_await removeOne(session, client, info, uid);
      const bool ignored = selection_.ignoreNotFound || (!byName && selection_.files.empty());
      if (isNotFound(removed) && ignored) continue;
      if (isUnreachable(removed)) co_return removed;
      if (!removed.ok()) {
        session.fail(removed);
      } else {
        going.emplace_back(std::move(info), std::move(uid));
      }
    }
    session.out().flush();
    if (!wait_ || action_.dryRun != DryRun::None) co_return Status();
    for (const auto& [info, uid] : going) {
      Status waited =
          co_await waitUntilGone(client, *info.resource, info.ns, info.name, uid, timeout_);
      if (isTimeout(waited)) co_return fault(waited.message());
      // Who may not list or watch it cannot wait for it.
      if (!waited.ok() && !isForbidden(waited) && !isNotFound(waited)) session.fail(waited);
    }
    co_return Status();
  }

 private:
  Status check(const FlagSet& given, const std::vector<std::string>& words) {
    if (!output_.empty() && output_ != "name") {
      return fault("unexpected -o output mode: " + output_ + ". We only support '-o name'");
    }
    if (words.empty() && selection_.files.empty()) return {};  // resolve says it
    if (now_ && gracePeriod_ != -1) {
      return fault("--now and --grace-period cannot be specified together");
    }
    if (selection_.all && !selection_.labelSelector.empty()) {
      return fault("cannot set --all and --selector at the same time");
    }
    if (selection_.all && !selection_.fieldSelector.empty()) {
      return fault("cannot set --all and --field-selector at the same time");
    }
    if (now_) gracePeriod_ = 1;
    if (force_ && gracePeriod_ > 0 && given.changed("grace-period")) {
      return fault("--force and --grace-period greater than 0 cannot be specified together");
    }
    if (force_ && gracePeriod_ < 0) gracePeriod_ = 0;
    if (gracePeriod_ == 0 && !force_) {
      // As kubectl: never less than a moment without --force.
      gracePeriod_ = 1;
      wait_ = true;
    }
    if (force_ && !given.changed("wait")) wait_ = true;
    if (cascade_ == "true") cascade_ = "background";
    if (cascade_ == "false") cascade_ = "orphan";
    if (cascade_ == "background") {
      policy_ = "Background";
    } else if (cascade_ == "foreground") {
      policy_ = "Foreground";
    } else if (cascade_ == "orphan") {
      policy_ = "Orphan";
    } else {
      return fault("invalid cascade value (" + cascade_ +
                   "). Must be \"background\", \"foreground\", or \"orphan\"");
    }
    return {};
  }

  Task<Status> removeOne(Session& session, ObjectClient& client, const Info& info,
                         std::string& uid) {
    if (info.name.empty()) co_return fault("resource name may not be empty");
    if (action_.dryRun == DryRun::Client) {
      CO_TRY(auto there, co_await client.get(*info.resource, info.ns, info.name));
      (void)there;
      print(session, info);
      co_return Status();
    }
    json::object body;
    body["propagationPolicy"] = policy_;
    if (gracePeriod_ >= 0) body["gracePeriodSeconds"] = gracePeriod_;
    if (action_.dryRun == DryRun::Server) body["dryRun"] = json::array{"All"};
    CO_TRY(auto answer,
           co_await client.remove(*info.resource, info.ns, info.name, std::move(body)));
    uid = textAt(answer, {"metadata", "uid"});
    if (uid.empty()) uid = textAt(answer, {"details", "uid"});
    print(session, info);
    co_return Status();
  }

  void print(Session& session, const Info& info) {
    if (output_ == "name") {
      session.out().line(info.typeAndName());
      return;
    }
    auto line = info.resource->typeName() + " " + api::goQuote(info.name) +
                (gracePeriod_ == 0 && force_ ? " force deleted" : " deleted");
    if (!info.ns.empty()) line += " from " + info.ns + " namespace";
    session.out().line(line + std::string(action_.suffix()));
  }

  Selection selection_;
  Action action_;
  std::string cascade_ = "background";
  std::string policy_;
  bool force_ = false;
  int64_t gracePeriod_ = -1;
  bool now_ = false;
  bool wait_ = true;
  Duration timeout_{};
  std::string output_;
};

}  // namespace

Command deleteCommand() {
  Command command;
  command.name = "delete";
  command.usage = "([-f FILENAME] | TYPE [(NAME | -l label | --all)]) [options]";
  command.summary =
      "Delete resources by file names, stdin, resources and names, or by resources and label "
      "selector";
  command.examples =
      "  # What a file names\n  kubectl delete -f pod.yaml\n\n"
      "  # Two objects\n  kubectl delete pod/web-0 service/web\n\n"
      "  # By label\n  kubectl delete pods,services -l app=web\n\n"
      "  # At once\n  kubectl delete pod web-0 --force\n";
  command.group = "Basic Commands (Intermediate)";
  command.make = makeVerb<Delete>;
  return command;
}

}  // namespace coxswain::cli
