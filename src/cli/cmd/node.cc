#include <algorithm>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/drain.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// cordon and uncordon.
class Cordon : public Verb {
 public:
  explicit Cordon(bool on) : on_(on) {}
  void flags(FlagSet& flags) override {
    selection_.declareSelectors(flags);
    action_.declareDryRun(flags);
  }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (words.empty() && selection_.labelSelector.empty()) {
      co_return session.usageError("USAGE: " + session.commandPath() + " NODE [flags]");
    }
    selection_.words = std::move(words);
    selection_.words.insert(selection_.words.begin(), "nodes");
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (const auto& info : infos) {
      Status done = co_await cordonNode(session, client, info, on_, action_);
      if (!done.ok()) session.fail(done);
    }
    co_return Status();
  }
  static Task<Status> cordonNode(Session& session, ObjectClient& client, const Info& info, bool on,
                                 Action& action);

 private:
  bool on_;
  Selection selection_;
  Action action_;
};

Task<Status> Cordon::cordonNode(Session& session, ObjectClient& client, const Info& info, bool on,
                                Action& action) {
  const std::string word = on ? "cordoned" : "uncordoned";
  if (boolAt(info.object, {"spec", "unschedulable"}) == on) {
    session.out().line("node/" + info.name + " already " + word + std::string(action.suffix()));
    co_return Status();
  }
  if (!action.client()) {
    WriteOptions options;
    options.dryRun = action.dryRun == DryRun::Server;
    auto patched = co_await client.patch(
        *info.resource, "", info.name, client::PatchType::StrategicMerge,
        on ? "{\"spec\":{\"unschedulable\":true}}" : "{\"spec\":{\"unschedulable\":null}}",
        options);
    if (!patched.ok()) {
      co_return patched.status().withContext("unable to " + std::string(on ? "" : "un") +
                                             "cordon node " + api::goQuote(info.name));
    }
  }
  session.out().line("node/" + info.name + " " + word + std::string(action.suffix()));
  co_return Status();
}

struct CordonOn final : Cordon {
  CordonOn() : Cordon(true) {}
};
struct CordonOff final : Cordon {
  CordonOff() : Cordon(false) {}
};

struct TaintChange {
  std::string key;
  std::string value;
  std::string effect;  ///< empty in a removal: any
  bool remove = false;
};

Result<TaintChange> parseTaint(std::string text) {
  TaintChange change;
  const auto whole = text;
  if (text.ends_with('-')) {
    change.remove = true;
    text.pop_back();
  }
  auto colon = text.find(':');
  if (colon != std::string::npos) {
    change.effect = text.substr(colon + 1);
    text.resize(colon);
  }
  auto equal = text.find('=');
  if (equal != std::string::npos) {
    change.value = text.substr(equal + 1);
    text.resize(equal);
  }
  change.key = text;
  if (change.key.empty() || (!change.remove && colon == std::string::npos)) {
    return fault("invalid taint spec: " + whole);
  }
  const bool known = change.effect == "NoSchedule" || change.effect == "PreferNoSchedule" ||
                     change.effect == "NoExecute" || (change.effect.empty() && change.remove);
  if (!known) return fault("invalid taint effect: " + change.effect + ", unsupported taint effect");
  return change;
}

class Taint final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareSelectors(flags);
    flags.boolean(&selection_.all, "all", 0, "All nodes.");
    flags.boolean(&overwrite_, "overwrite", 0, "Change taints that are there already.");
    action_.declare(flags, "kubectl-taint");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    const auto isTaint = [](const std::string& word) {
      return word.find('=') != std::string::npos || word.find(':') != std::string::npos ||
             word.ends_with('-');
    };
    auto first = std::ranges::find_if(words, isTaint);
    for (auto at = first; at != words.end(); ++at) {
      CO_TRY(auto change, parseTaint(*at));
      changes_.push_back(std::move(change));
    }
    words.erase(first, words.end());
    if (words.empty()) {
      co_return session.usageError("one or more resources must be specified as <resource> <name>");
    }
    if (changes_.empty()) co_return fault("at least one taint update is required");
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    for (const auto& info : infos) {
      if (info.resource->plural != "nodes" || !info.resource->group.empty()) {
        co_return fault("invalid resource type " + info.resource->plural +
                        ", only node(s) is supported");
      }
      Status done = co_await taintOne(session, info);
      if (!done.ok()) session.fail(done);
    }
    co_return Status();
  }

 private:
  Task<Status> taintOne(Session& session, const Info& info) {
    json::array taints = arrayAt(info.object, {"spec", "taints"});
    bool added = false;
    bool removed = false;
    bool modified = false;
    for (const auto& change : changes_) {
      const auto matches = [&](const json::value& taint) {
        return textAt(taint, {"key"}) == change.key &&
               (change.effect.empty() || textAt(taint, {"effect"}) == change.effect);
      };
      if (change.remove) {
        json::array kept;
        for (const auto& taint : taints) {
          if (!matches(taint)) kept.push_back(taint);
        }
        if (kept.size() == taints.size()) {
          co_return fault(
              "taint " +
              api::goQuote(change.key + (change.effect.empty() ? "" : ":" + change.effect)) +
              " not found");
        }
        taints = std::move(kept);
        removed = true;
        continue;
      }
      auto found = std::ranges::find_if(taints, matches);
      if (found != taints.end()) {
        if (!overwrite_) {
          co_return fault("node " + info.name + " already has " + change.key +
                          " taint(s) with same "
                          "effect(s) and --overwrite is false");
        }
        found->get_object()["value"] = change.value;
        modified = true;
      } else {
        json::object taint{{"key", change.key}, {"effect", change.effect}};
        if (!change.value.empty()) taint["value"] = change.value;
        taints.push_back(std::move(taint));
        added = true;
      }
    }
    json::value after = info.object;
    makeObject(after, {"spec"})["taints"] = taints;
    if (!action_.client()) {
      CO_TRY(auto* rest, session.rest());
      json::object patch;
      patch["metadata"] =
          json::object{{"resourceVersion", textAt(info.object, {"metadata", "resourceVersion"})}};
      json::value list(nullptr);
      if (!taints.empty()) list = std::move(taints);
      patch["spec"] = json::object{{"taints", std::move(list)}};
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      CO_TRY(after, co_await ObjectClient(*rest).patch(*info.resource, "", info.name,
                                                       client::PatchType::Merge,
                                                       api::writeJsonValue(patch), options));
    }
    fillType(after, *info.resource);
    const char* operation = modified || (added && removed) ? "modified"
                            : removed                      ? "untainted"
                                                           : "tainted";
    co_return action_.report(session, std::move(after), operation);
  }

  Selection selection_;
  Action action_;
  bool overwrite_ = false;
  std::vector<TaintChange> changes_;
};

}  // namespace

Task<Status> cordonNode(Session& session, ObjectClient& client, const Info& info, bool on,
                        Action& action) {
  return Cordon::cordonNode(session, client, info, on, action);
}

Command cordonCommand() {
  Command command;
  command.name = "cordon";
  command.usage = "NODE [options]";
  command.summary = "Mark node as unschedulable";
  command.group = "Cluster Management Commands";
  command.make = makeVerb<CordonOn>;
  return command;
}

Command uncordonCommand() {
  Command command;
  command.name = "uncordon";
  command.usage = "NODE [options]";
  command.summary = "Mark node as schedulable";
  command.group = "Cluster Management Commands";
  command.make = makeVerb<CordonOff>;
  return command;
}

Command taintCommand() {
  Command command;
  command.name = "taint";
  command.usage = "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]";
  command.summary = "Update the taints on one or more nodes";
  command.examples =
      "  kubectl taint nodes foo dedicated=special-user:NoSchedule\n\n"
      "  # Remove it\n  kubectl taint nodes foo dedicated:NoSchedule-\n";
  command.group = "Cluster Management Commands";
  command.make = makeVerb<Taint>;
  return command;
}

}  // namespace coxswain::cli
