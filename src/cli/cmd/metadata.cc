#include <algorithm>

#include "api/codec/value.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// label and annotate: "key=value" sets, "key-" removes.
class Metadata : public Verb {
 public:
  explicit Metadata(bool labels) : labels_(labels) {}

  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, labels_ ? "label" : "annotate");
    selection_.declareSelectors(flags, true);
    flags.boolean(&selection_.all, "all", 0, "All of the type in the namespace.");
    flags.boolean(&selection_.allNamespaces, "all-namespaces", 'A', "In all namespaces.");
    flags.boolean(&overwrite_, "overwrite", 0, "Change what is there already.");
    flags.boolean(&list_, "list", 0, "Show what the objects have.");
    flags.boolean(&local_, "local", 0, "Do not ask the server: change what -f says and print it.");
    flags.text(&version_, "resource-version", 0, "Only where the object is this version.");
    action_.declare(flags, labels_ ? "kubectl-label" : "kubectl-annotate");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    CO_TRY_STATUS(takePairs(session, words));
    selection_.words = std::move(words);
    if (selection_.words.empty() && selection_.files.empty()) {
      co_return session.usageError(
          "one or more resources must be specified as <resource> <name> "
          "or <resource>/<name>");
    }
    if (sets_.empty() && removes_.empty() && !list_) {
      co_return fault("at least one " + std::string(labels_ ? "label" : "annotation") +
                      " update is required");
    }
    if (local_ && selection_.files.empty()) {
      co_return fault("--local needs objects from -f");
    }
    Result<std::vector<Info>> infos = std::vector<Info>();
    if (local_) {
      infos = co_await readFiles(session, selection_);
    } else {
      infos = co_await resolve(session, selection_, true);
    }
    if (!infos.ok()) co_return infos.status();
    if (infos->size() > 1 && !version_.empty()) {
      co_return fault("--resource-version may only be used with a single resource");
    }
    if (infos->empty()) {
      if (session.exitCode() == 0) session.error("No resources found\n");
      co_return Status();
    }
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (const auto& info : *infos) {
      Status changed = co_await changeOne(session, client, info, infos->size() > 1);
      if (!changed.ok()) session.fail(changed);
    }
    co_return Status();
  }

 private:
  [[nodiscard]] std::string_view member() const { return labels_ ? "labels" : "annotations"; }

  /// Takes "a=b" and "a-" off the end of the words.
  Status takePairs(Session& session, std::vector<std::string>& words) {
    // Names cannot have "=" or end in "-".
    auto first = std::ranges::find_if(words, [](const std::string& word) {
      return word.find('=') != std::string::npos || (word.size() > 1 && word.ends_with('-'));
    });
    for (auto at = first; at != words.end(); ++at) {
      const auto equal = at->find('=');
      if (equal != std::string::npos) {
        auto name = at->substr(0, equal);
        auto value = at->substr(equal + 1);
        if (name.empty()) return fault("invalid label spec: " + *at);
        if (labels_) {
          auto wrong = api::validateLabelValue(value);
          if (!wrong.empty()) {
            return fault("invalid label value: " + api::goQuote(*at) + ": " + joined(wrong, "; "));
          }
        }
        for (const auto& [known, ignored] : sets_) {
          if (known == name) return fault("can not both modify and remove " + name);
        }
        sets_.emplace_back(std::move(name), std::move(value));
      } else if (at->ends_with('-')) {
        removes_.push_back(at->substr(0, at->size() - 1));
      } else {
        return session.usageError("all resources must be specified before " +
                                  std::string(labels_ ? "label" : "annotation") +
                                  " changes: " + *at);
      }
    }
    for (const auto& name : removes_) {
      for (const auto& [known, ignored] : sets_) {
        if (known == name) {
          return fault("can not both modify and remove " +
                       std::string(labels_ ? "a label" : "an annotation") + " in the same command");
        }
      }
    }
    words.erase(first, words.end());
    return {};
  }

  Task<Status> changeOne(Session& session, ObjectClient& client, const Info& info, bool several) {
    const auto& before = objectAt(info.object, {"metadata", member()});
    if (list_) {
      if (several)
        session.out().line("Listing " + std::string(member()) + " for " + info.resource->kind +
                           "." + info.resource->apiVersion() + "/" + info.name + ":");
      for (const auto& [name, value] : stringsAt(info.object, {"metadata", member()})) {
        session.out().line((several ? " " : "") + name + "=" + value);
      }
      if (sets_.empty() && removes_.empty()) co_return Status();
    }
    if (!overwrite_) {
      for (const auto& [name, value] : sets_) {
        const auto* now = before.if_contains(key(name));
        if (now && plainText(*now) != value) {
          co_return fault(
              labels_ ? "'" + name + "' already has a value (" + plainText(*now) +
                            "), and --overwrite is false"
                      : "--overwrite is false but found the following declared annotation(s): '" +
                            name + "' already has a value (" + plainText(*now) + ")");
        }
      }
    }
    json::object changes;
    bool changed = false;
    bool removed = false;
    for (const auto& [name, value] : sets_) {
      const auto* now = before.if_contains(key(name));
      changed = changed || !now || plainText(*now) != value;
      changes[key(name)] = value;
    }
    for (const auto& name : removes_) {
      if (before.contains(key(name))) {
        changes[key(name)] = nullptr;
        removed = true;
      } else if (labels_ && !local_ && !action_.client()) {
        session.out().line("label " + api::goQuote(name) + " not found.");
      }
    }
    std::string operation = "not labeled";
    if (labels_) {
      if (changed) {
        operation = "labeled";
      } else if (removed) {
        operation = "unlabeled";
      }
    } else {
      operation = "annotated";
    }
    json::object meta;
    meta[key(member())] = std::move(changes);
    if (!version_.empty()) meta["resourceVersion"] = version_;
    json::object patch;
    patch["metadata"] = std::move(meta);
    json::value after;
    if (local_ || action_.client() || (!changed && !removed && labels_)) {
      after = api::applyMergePatch(info.object, patch);
    } else {
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      CO_TRY(after,
             co_await client.patch(*info.resource, info.ns, info.name, client::PatchType::Merge,
                                   api::writeJsonValue(patch), options));
    }
    fillType(after, *info.resource);
    co_return action_.report(session, std::move(after), operation);
  }

  bool labels_;
  Selection selection_;
  Action action_;
  bool overwrite_ = false;
  bool list_ = false;
  bool local_ = false;
  std::string version_;
  std::vector<std::pair<std::string, std::string>> sets_;
  std::vector<std::string> removes_;
};

struct Label final : Metadata {
  Label() : Metadata(true) {}
};
struct Annotate final : Metadata {
  Annotate() : Metadata(false) {}
};

}  // namespace

Command labelCommand() {
  Command command;
  command.name = "label";
  command.usage =
      "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
      "[--resource-version=version] [options]";
  command.summary = "Update the labels on a resource";
  command.examples =
      "  kubectl label pods foo unhealthy=true\n\n"
      "  # Remove a label\n  kubectl label pods foo bar-\n";
  command.group = "Settings Commands";
  command.make = makeVerb<Label>;
  return command;
}

Command annotateCommand() {
  Command command;
  command.name = "annotate";
  command.usage =
      "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
      "[--resource-version=version] [options]";
  command.summary = "Update the annotations on a resource";
  command.examples = "  kubectl annotate pods foo description='my frontend'\n";
  command.group = "Settings Commands";
  command.make = makeVerb<Annotate>;
  return command;
}

}  // namespace coxswain::cli
