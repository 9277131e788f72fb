#include "cli/cmd/drain.h"

#include <algorithm>

#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/framework/errors.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

class Drain final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareSelectors(flags);
    action_.declareDryRun(flags);
    flags.boolean(&force_, "force", 0, "Also pods that no controller makes again.");
    flags.boolean(&ignoreDaemonSets_, "ignore-daemonsets", 0, "Leave pods of daemon sets alone.");
    flags.boolean(&deleteEmptyDir_, "delete-emptydir-data", 0,
                  "Also pods whose emptyDir volumes are lost so.");
    flags.boolean(&disableEviction_, "disable-eviction", 0,
                  "Delete pods instead of evicting them: budgets do not count.");
    flags.integer(&gracePeriod_, "grace-period", 0,
                  "Seconds pods get to end; negative: their own.");
    flags.duration(&timeout_, "timeout", 0, "How long to try; 0: as long as it takes.");
    flags.text(&podSelector_, "pod-selector", 0, "Only pods with these labels.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (words.empty() && selection_.labelSelector.empty()) {
      co_return session.usageError("USAGE: " + session.commandPath() + " NODE [flags]");
    }
    selection_.words = std::move(words);
    selection_.words.insert(selection_.words.begin(), "nodes");
    CO_TRY(auto nodes, co_await resolve(session, selection_, true));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (const auto& node : nodes) {
      CO_TRY_STATUS(co_await cordonNode(session, client, node, true, action_));
    }
    for (const auto& node : nodes) {
      Status drained = co_await drainNode(session, client, node);
      if (drained.ok()) {
        session.out().line("node/" + node.name + " drained" + std::string(action_.suffix()));
        continue;
      }
      session.error("error: unable to drain node " + api::goQuote(node.name) +
                    " due to error: " + drained.message() + ", continuing command...\n" +
                    "There are pending nodes to be drained:\n " + node.name + "\n");
      session.error(drained.message() + "\n");
      session.exitCode(1);
    }
    co_return Status();
  }

 private:
  struct Victim {
    std::string ns;
    std::string name;
    std::string uid;
  };

  Task<Status> drainNode(Session& session, ObjectClient& client, const Info& node) {
    CO_TRY(auto* mapper, co_await session.mapper());
    CO_TRY(const auto* pods, mapper->byName("pods"));
    ObjectListOptions options;
    options.fieldSelector = "spec.nodeName=" + node.name;
    options.labelSelector = podSelector_;
    CO_TRY(auto list, co_await client.list(*pods, "", options));
    std::vector<Victim> victims;
    CO_TRY_STATUS(choose(session, list, victims));
    Deadline deadline(timeout_ > Duration(0) ? timeout_ : Duration(24h * 365), {});
    for (const auto& victim : victims) {
      session.out().line((disableEviction_ ? "deleting pod " : "evicting pod ") + victim.ns + "/" +
                         victim.name + std::string(action_.suffix()));
      session.out().flush();
      if (!action_.client()) {
        CO_TRY_STATUS(co_await evict(session, client, *pods, victim, deadline));
      }
    }
    if (action_.dryRun != DryRun::None) co_return Status();
    for (const auto& victim : victims) {
      Status gone =
          co_await waitUntilGone(client, *pods, victim.ns, victim.name, victim.uid, timeout_);
      if (isTimeout(gone)) {
        co_return fault("error when waiting for pod " + api::goQuote(victim.name) +
                        " in namespace " + api::goQuote(victim.ns) +
                        " to terminate: global timeout reached: " + std::to_string(timeout_ / 1s) +
                        "s");
      }
      CO_TRY_STATUS(gone);
      session.out().line("pod/" + victim.name + (disableEviction_ ? " deleted" : " evicted"));
    }
    co_return Status();
  }

  Status choose(Session& session, const json::value& list, std::vector<Victim>& victims) const {
    std::vector<std::string> bare;
    std::vector<std::string> daemons;
    std::vector<std::string> ignored;
    std::vector<std::string> local;
    std::vector<std::string> forced;
    for (const auto& pod : arrayAt(list, {"items"})) {
      auto shown = namespaceOf(pod) + "/" + nameOf(pod);
      if (at(pod, {"metadata", "annotations", "kubernetes.io/config.mirror"})) continue;
      const auto phase = textAt(pod, {"status", "phase"});
      const bool finished = phase == "Succeeded" || phase == "Failed";
      std::string owner;
      for (const auto& reference : arrayAt(pod, {"metadata", "ownerReferences"})) {
        if (boolAt(reference, {"controller"})) owner = textAt(reference, {"kind"});
      }
      if (owner == "DaemonSet" && !finished) {
        (ignoreDaemonSets_ ? ignored : daemons).push_back(shown);
        continue;
      }
      const auto& volumes = arrayAt(pod, {"spec", "volumes"});
      const bool hasLocal = std::ranges::any_of(
          volumes, [](const json::value& volume) { return at(volume, {"emptyDir"}) != nullptr; });
      if (hasLocal && !deleteEmptyDir_ && !finished) local.push_back(shown);
      if (owner.empty() && !finished) (force_ ? forced : bare).push_back(shown);
      victims.push_back({namespaceOf(pod), nameOf(pod), textAt(pod, {"metadata", "uid"})});
    }
    std::vector<std::string> faults;
    if (!daemons.empty()) {
      faults.push_back(
          "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): " +
          joined(daemons, ", "));
    }
    if (!local.empty()) {
      faults.push_back(
          "cannot delete Pods with local storage (use --delete-emptydir-data to "
          "override): " +
          joined(local, ", "));
    }
    if (!bare.empty()) {
      faults.push_back("cannot delete Pods that declare no controller (use --force to override): " +
                       joined(bare, ", "));
    }
    if (!faults.empty()) return fault(joined(faults, "; "));
    std::vector<std::string> warnings;
    if (!forced.empty()) {
      warnings.push_back("deleting Pods that declare no controller: " + joined(forced, ", "));
    }
    if (!ignored.empty()) {
      warnings.push_back("ignoring DaemonSet-managed Pods: " + joined(ignored, ", "));
    }
    if (!warnings.empty()) session.warn(joined(warnings, "; "));
    return {};
  }

  Task<Status> evict(Session& session, ObjectClient& client, const ApiResource& pods,
                     const Victim& victim, Deadline& deadline) {
    json::object how;
    if (gracePeriod_ >= 0) how["gracePeriodSeconds"] = gracePeriod_;
    if (action_.dryRun == DryRun::Server) how["dryRun"] = json::array{"All"};
    while (true) {
      Status done;
      if (disableEviction_) {
        done = (co_await client.remove(pods, victim.ns, victim.name, how)).status();
      } else {
        json::object eviction;
        eviction["apiVersion"] = "policy/v1";
        eviction["kind"] = "Eviction";
        eviction["metadata"] = json::object{{"name", victim.name}, {"namespace", victim.ns}};
        if (!how.empty()) eviction["deleteOptions"] = how;
        WriteOptions options;
        options.subresource = "eviction";
        json::value body(std::move(eviction));
        done = (co_await client.create(pods, victim.ns, victim.name, body, options)).status();
      }
      if (done.ok() || isNotFound(done)) co_return Status();
      if (!isTooManyRequests(done)) {
        co_return fault("error when evicting pods/" + api::goQuote(victim.name) + " -n " +
                        api::goQuote(victim.ns) + ": " + done.message());
      }
      session.error("error when evicting pods/" + api::goQuote(victim.name) + " -n " +
                    api::goQuote(victim.ns) + " (will retry after 5s): " + done.message() + "\n");
      Status slept = co_await sleepFor(5s, deadline.token());
      if (!slept.ok()) {
        co_return fault("error when evicting pods/" + api::goQuote(victim.name) +
                        ": global timeout reached: " + std::to_string(timeout_ / 1s) + "s");
      }
    }
  }

  Selection selection_;
  Action action_;
  bool force_ = false;
  bool ignoreDaemonSets_ = false;
  bool deleteEmptyDir_ = false;
  bool disableEviction_ = false;
  int64_t gracePeriod_ = -1;
  Duration timeout_{};
  std::string podSelector_;
};

}  // namespace

Command drainCommand() {
  Command command;
  command.name = "drain";
  command.usage = "NODE [options]";
  command.summary = "Drain node in preparation for maintenance";
  command.examples = "  kubectl drain foo --ignore-daemonsets --grace-period=900\n";
  command.group = "Cluster Management Commands";
  command.make = makeVerb<Drain>;
  return command;
}

}  // namespace coxswain::cli
