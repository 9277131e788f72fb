#include "cli/cmd/reconcile.h"

#include <algorithm>

#include "cli/cmd/action.h"
#include "cli/cmd/rule_cover.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
constexpr int kAttempts = 3;

enum class Operation : uint8_t { None, Create, Update, Recreate };

/// What became of one object.
struct Outcome {
  json::value object;
  Operation operation = Operation::None;
  bool isProtected = false;
  std::vector<std::string> added;    ///< rules or subjects, as they are printed
  std::vector<std::string> removed;  ///< what is there beyond what is wanted
};

bool isBinding(const Info& info) {
  return info.resource->kind.ends_with("Binding");
}

/// As Go's %+v prints it.
std::string subjectText(const json::value& subject) {
  return "{Kind:" + textAt(subject, {"kind"}) + " APIGroup:" + textAt(subject, {"apiGroup"}) +
         " Name:" + textAt(subject, {"name"}) + " Namespace:" + textAt(subject, {"namespace"}) +
         "}";
}

/// Labels and annotations that `wanted` has go into `now`. True: something changed.
bool mergeMetadata(const json::value& wanted, json::value& now) {
  bool changed = false;
  for (const std::string_view member : {"labels", "annotations"}) {
    for (const auto& [name, text] : stringsAt(wanted, {"metadata", member})) {
      if (textAt(now, {"metadata", member, name}) == text && at(now, {"metadata", member, name})) {
        continue;
      }
      makeObject(now, {"metadata", member})[name] = text;
      changed = true;
    }
  }
  return changed;
}

json::array subjectsMissing(const json::value& owner, const json::value& wanted) {
  json::array out;
  for (const auto& subject : arrayAt(wanted, {"subjects"})) {
    const std::string text = subjectText(subject);
    const bool there =
        std::ranges::any_of(arrayAt(owner, {"subjects"}),
                            [&](const json::value& other) { return subjectText(other) == text; });
    if (!there) out.push_back(subject);
  }
  return out;
}

class Reconcile final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "reconcile");
    flags.boolean(&removePermissions_, "remove-extra-permissions", 0,
                  "Take rules away that the files do not have.");
    flags.boolean(&removeSubjects_, "remove-extra-subjects", 0,
                  "Take subjects away that the files do not have.");
    action_.declareDryRun(flags);
    action_.print.declare(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty()) co_return fault("no arguments are allowed");
    if (selection_.files.empty()) co_return fault("must specify one of -f and -k");
    CO_TRY_STATUS(action_.complete());
    if (action_.dryRun == DryRun::Server) {
      co_return fault("--dry-run=server for kubectl auth reconcile is not supported yet");
    }
    CO_TRY(auto infos, co_await readFiles(session, selection_));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      if (info.resource->group != kGroup) continue;
      if (info.resource->version != "v1") {
        co_return fault("only rbac.authorization.k8s.io/v1 is supported: not " +
                        info.resource->apiVersion());
      }
      Result<Outcome> outcome = co_await once(session, client, info);
      for (int attempt = 1; isConflict(outcome.status()) && attempt < kAttempts; ++attempt) {
        outcome = co_await once(session, client, info);
      }
      if (!outcome.ok()) {
        session.fail(outcome.status());
        continue;
      }
      CO_TRY_STATUS(tell(session, info, std::move(*outcome)));
    }
    co_return Status();
  }

 private:
  Task<Result<Outcome>> once(Session& session, ObjectClient& client, Info info) {
    auto now = co_await client.get(*info.resource, info.ns, info.name);
    if (!now.ok() && !isNotFound(now.status())) co_return now.status();
    Outcome out;
    if (!now.ok()) {
      out.operation = Operation::Create;
      if (isBinding(info)) {
        for (const auto& one : arrayAt(info.object, {"subjects"})) {
          out.added.push_back(subjectText(one));
        }
      } else {
        for (const auto& rule : rulesOf(info.object)) out.added.push_back(rule.text());
      }
      co_return co_await create(session, client, std::move(info), std::move(out));
    }
    out.isProtected = textAt(*now, {"metadata", "annotations",
                                    "rbac.authorization.kubernetes.io/autoupdate"}) == "false";
    if (isBinding(info)) {
      co_return co_await binding(session, client, std::move(info), std::move(*now), std::move(out));
    }
    out.object = std::move(*now);
    computeRole(info.object, out);
    co_return co_await update(client, std::move(info), std::move(out));
  }

  void computeRole(const json::value& wanted, Outcome& out) const {
    bool changed = mergeMetadata(wanted, out.object);
    // Rules of aggregated roles are the controller's.
    if (at(wanted, {"aggregationRule"}) || at(out.object, {"aggregationRule"})) {
      changed = aggregate(wanted, out.object) || changed;
    } else {
      const auto owned = rulesOf(out.object);
      const auto asked = rulesOf(wanted);
      const auto missing = uncovered(owned, asked);
      const auto extra = uncovered(asked, owned);
      for (const auto& rule : missing) out.added.push_back(rule.text());
      for (const auto& rule : extra) out.removed.push_back(rule.text());
      auto& map = out.object.get_object();
      if (removePermissions_ && (!missing.empty() || !extra.empty())) {
        map["rules"] = arrayAt(wanted, {"rules"});
        changed = true;
      } else if (!missing.empty()) {
        auto& rules = map["rules"];
        if (!rules.is_array()) rules = json::array();
        for (const auto& rule : missing) rules.get_array().push_back(rule.toJson());
        changed = true;
      }
    }
    if (changed) out.operation = Operation::Update;
  }

  bool aggregate(const json::value& wanted, json::value& now) const {
    const auto& asked = arrayAt(wanted, {"aggregationRule", "clusterRoleSelectors"});
    json::array selectors = arrayAt(now, {"aggregationRule", "clusterRoleSelectors"});
    if (removePermissions_) {
      if (selectors == asked) return false;
      selectors = asked;
    } else {
      const size_t before = selectors.size();
      for (const auto& selector : asked) {
        if (std::ranges::find(selectors, selector) == selectors.end())
          selectors.push_back(selector);
      }
      if (selectors.size() == before) return false;
    }
    makeObject(now, {"aggregationRule"})["clusterRoleSelectors"] = std::move(selectors);
    return true;
  }

  Task<Result<Outcome>> binding(Session& session, ObjectClient& client, Info info, json::value now,
                                Outcome out) {
    if (objectAt(now, {"roleRef"}) != objectAt(info.object, {"roleRef"})) {
      out.operation = Operation::Recreate;
      for (const auto& one : arrayAt(info.object, {"subjects"})) {
        out.added.push_back(subjectText(one));
      }
      out.object = info.object;
      if (out.isProtected || action_.client()) co_return std::move(out);
      json::object only{{"preconditions", json::object{{"uid", textAt(now, {"metadata", "uid"})}}}};
      auto removed = co_await client.remove(*info.resource, info.ns, info.name, std::move(only));
      if (!removed.ok() && !isNotFound(removed.status())) co_return removed.status();
      co_return co_await create(session, client, std::move(info), std::move(out));
    }
    const json::array missing = subjectsMissing(now, info.object);
    const json::array extra = subjectsMissing(info.object, now);
    for (const auto& one : missing) out.added.push_back(subjectText(one));
    for (const auto& one : extra) out.removed.push_back(subjectText(one));
    bool changed = mergeMetadata(info.object, now);
    auto& subjects = now.get_object()["subjects"];
    if (!subjects.is_array()) subjects = json::array();
    if (removeSubjects_ && !extra.empty()) {
      subjects = arrayAt(info.object, {"subjects"});
      changed = true;
    } else if (!missing.empty()) {
      for (const auto& one : missing) subjects.get_array().push_back(one);
      changed = true;
    }
    if (changed) out.operation = Operation::Update;
    out.object = std::move(now);
    co_return co_await update(client, std::move(info), std::move(out));
  }

  Task<Result<Outcome>> update(ObjectClient& client, Info info, Outcome out) {
    if (out.operation == Operation::Update && !out.isProtected && !action_.client()) {
      CO_TRY(out.object,
             co_await client.replace(*info.resource, info.ns, info.name, out.object, {}));
    }
    co_return std::move(out);
  }

  /// Its namespace too, where it is missing.
  Task<Result<Outcome>> create(Session& session, ObjectClient& client, Info info, Outcome out) {
    out.object = info.object;
    if (action_.client()) co_return std::move(out);
    if (!info.ns.empty() && out.operation == Operation::Create) {
      CO_TRY(auto* mapper, co_await session.mapper());
      if (const auto* namespaces = mapper->byKind("v1", "Namespace")) {
        json::object fresh{{"apiVersion", "v1"},
                           {"kind", "Namespace"},
                           {"metadata", json::object{{"name", info.ns}}}};
        auto there = co_await client.get(*namespaces, "", info.ns);
        if (isNotFound(there.status())) {
          const json::value object(std::move(fresh));
          auto made = co_await client.create(*namespaces, "", "", object, {});
          if (!made.ok() && !isAlreadyExists(made.status())) co_return made.status();
        }
      }
    }
    CO_TRY(out.object, co_await client.create(*info.resource, info.ns, "", info.object, {}));
    co_return std::move(out);
  }

  Status tell(Session& session, const Info& info, Outcome outcome) {
    fillType(outcome.object, *info.resource);
    TRY_STATUS(action_.report(session, std::move(outcome.object), "reconciled"));
    if (outcome.operation == Operation::None) return {};
    const std::string_view what = outcome.operation == Operation::Create   ? "create"
                                  : outcome.operation == Operation::Update ? "update"
                                                                           : "recreate";
    std::string text = "\treconciliation required " + std::string(what);
    if (outcome.isProtected) {
      text += ", but object opted out (rbac.authorization.kubernetes.io/autoupdate: false)";
    }
    text += "\n";
    const std::string_view things = isBinding(info) ? "subjects" : "rules";
    const auto list = [&](std::string_view lead, std::string_view tail,
                          const std::vector<std::string>& lines) {
      if (lines.empty()) return;
      text += "\t" + std::string(lead) + std::string(things) + std::string(tail) + ":\n";
      for (const auto& line : lines) text += "\t\t" + line + "\n";
    };
    list("missing ", " added", outcome.added);
    const bool removes = isBinding(info) ? removeSubjects_ : removePermissions_;
    if (removes) list("extra ", " removed", outcome.removed);
    session.error(text);
    return {};
  }

  Selection selection_;
  Action action_;
  bool removePermissions_ = false;
  bool removeSubjects_ = false;
};

}  // namespace

Command reconcileCommand() {
  Command command;
  command.name = "reconcile";
  command.usage = "-f FILENAME [options]";
  command.summary =
      "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding "
      "objects";
  command.details =
      "Makes what is missing, namespaces among it. Rules and subjects that the files do not have\n"
      "stay unless a --remove-extra- flag says otherwise; a binding to another role is made anew.";
  command.examples = "  kubectl auth reconcile -f my-rbac-rules.yaml\n";
  command.make = makeVerb<Reconcile>;
  return command;
}

}  // namespace coxswain::cli
