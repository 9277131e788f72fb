#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/yaml/yaml.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/framework/errors.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

namespace {

class Patch final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "patch");
    flags.text(&patch_, "patch", 'p', "The patch, JSON or YAML.");
    flags.text(&patchFile_, "patch-file", 0, "A file with the patch.");
    flags.text(&type_, "type", 0, "json, merge or strategic.");
    flags.boolean(&local_, "local", 0, "Do not ask the server: change what -f says and print it.");
    flags.text(&subresource_, "subresource", 0, "Patch this part: status, scale, resize.");
    action_.declare(flags, "kubectl-patch");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (patch_.empty() == patchFile_.empty()) {
      co_return fault(patch_.empty()
                          ? "must specify --patch or --patch-file containing the contents "
                            "of the patch"
                          : "cannot specify --patch and --patch-file together");
    }
    if (!patchFile_.empty()) {
      auto text = client::readWholeFile(patchFile_);
      if (!text.ok()) co_return asFault(text.status());
      patch_ = std::move(*text);
    }
    client::PatchType type = client::PatchType::StrategicMerge;
    if (type_ == "json") {
      type = client::PatchType::Json;
    } else if (type_ == "merge") {
      type = client::PatchType::Merge;
    } else if (type_ != "strategic") {
      co_return fault("--type must be one of [json merge strategic], not " + api::goQuote(type_));
    }
    auto parsed = api::yamlToValue(patch_);
    // What looks like JSON goes to the server as it is, which says what is wrong with it.
    const size_t first = patch_.find_first_not_of(" \t\r\n");
    const bool json = first != std::string::npos && patch_[first] == '{';
    if (!parsed.ok() && json && !local_ && !action_.client()) {
      parsed = json::value();
      raw_ = patch_;
    }
    if (!parsed.ok()) {
      co_return fault("unable to parse " + api::goQuote(patch_) + ": " + parsed.status().message());
    }
    selection_.words = std::move(words);
    if (local_ && selection_.files.empty()) co_return fault("--local needs objects from -f");
    Result<std::vector<Info>> infos = std::vector<Info>();
    if (local_) {
      infos = co_await readFiles(session, selection_);
    } else {
      infos = co_await resolve(session, selection_, true);
    }
    if (!infos.ok()) co_return infos.status();
    if (infos->empty() && session.exitCode() == 0) co_return fault("no objects passed to patch");
    for (auto& info : *infos) {
      Status patched = co_await patchOne(session, info, type, *parsed);
      if (!patched.ok()) session.fail(patched);
    }
    co_return Status();
  }

 private:
  Task<Status> patchOne(Session& session, const Info& info, client::PatchType type,
                        const json::value& patch) {
    json::value after;
    if (local_ || action_.client()) {
      auto applied = applyHere(info, type, patch);
      if (!applied.ok()) co_return asFault(applied.status());
      after = std::move(*applied);
    } else {
      CO_TRY(auto* rest, session.rest());
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      options.subresource = subresource_;
      CO_TRY(after, co_await ObjectClient(*rest).patch(
                        *info.resource, info.ns, info.name, type,
                        raw_.empty() ? api::writeJsonValue(patch) : raw_, options));
    }
    fillType(after, *info.resource);
    const bool same = at(after, {"metadata", "resourceVersion"}) &&
                      withoutManagedFields(after) == withoutManagedFields(info.object);
    co_return action_.report(session, std::move(after), same ? "patched (no change)" : "patched");
  }

  static json::value withoutManagedFields(json::value object) {
    dropManagedFields(object);
    return object;
  }

  static Result<json::value> applyHere(const Info& info, client::PatchType type,
                                       const json::value& patch) {
    if (type == client::PatchType::Json) return api::applyJsonPatch(info.object, patch);
    if (type == client::PatchType::Merge) return api::applyMergePatch(info.object, patch);
    const auto* known = api::findKind(info.resource->apiVersion(), info.resource->kind);
    if (!known) return fault("strategic merge patch is not possible for " + info.resource->kind);
    return api::applyStrategicMergePatch(info.object, patch, *known);
  }

  Selection selection_;
  Action action_;
  std::string patch_;
  std::string raw_;  ///< the patch where it is no JSON
  std::string patchFile_;
  std::string type_ = "strategic";
  bool local_ = false;
  std::string subresource_;
};

class Replace final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "replace");
    action_.declare(flags, "kubectl-replace");
    action_.declareValidate(flags);
    flags.boolean(&saveConfig_, "save-config", 0, "Write the annotation that apply needs later.");
    flags.boolean(&force_, "force", 0, "Delete the object and create it again.");
    flags.integer(&gracePeriod_, "grace-period", 0, "With --force: seconds to end in.");
    flags.text(&subresource_, "subresource", 0, "Replace this part: status, scale.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (!words.empty()) {
      co_return session.usageError("Unexpected args: [" + joined(words, " ") + "]");
    }
    if (selection_.files.empty()) co_return fault("must specify --filename to replace");
    CO_TRY(auto infos, co_await readFiles(session, selection_));
    if (infos.empty() && session.exitCode() == 0) co_return fault("no objects passed to replace");
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      if (saveConfig_) setLastApplied(info.object);
      Status replaced = co_await replaceOne(session, client, info);
      if (!replaced.ok()) session.fail(replaced);
    }
    co_return Status();
  }

 private:
  Task<Status> replaceOne(Session& session, ObjectClient& client, Info& info) {
    if (info.name.empty()) co_return fault("resource name may not be empty");
    if (action_.client()) co_return action_.report(session, std::move(info.object), "replaced");
    auto options = action_.writeOptions();
    options.subresource = subresource_;
    if (!force_) {
      auto after =
          co_await client.replace(*info.resource, info.ns, info.name, info.object, options);
      if (!after.ok()) {
        co_return after.status().withContext("error when replacing " + api::goQuote(info.source));
      }
      fillType(*after, *info.resource);
      co_return action_.report(session, std::move(*after), "replaced");
    }
    json::object body{{"propagationPolicy", "Background"}};
    if (gracePeriod_ >= 0) body["gracePeriodSeconds"] = gracePeriod_;
    if (options.dryRun) body["dryRun"] = json::array{"All"};
    auto gone = co_await client.remove(*info.resource, info.ns, info.name, std::move(body));
    if (gone.ok()) {
      session.out().line(info.resource->typeName() + " " + api::goQuote(info.name) + " deleted" +
                         (info.ns.empty() ? "" : " from " + info.ns + " namespace"));
      if (!options.dryRun) {
        CO_TRY_STATUS(co_await waitUntilGone(client, *info.resource, info.ns, info.name, "", 0s));
      }
    } else if (!isNotFound(gone.status())) {
      co_return gone.status();
    }
    auto* meta = info.object.get_object().if_contains("metadata");
    if (meta && meta->is_object()) meta->get_object().erase("resourceVersion");
    CO_TRY(auto made, co_await client.create(*info.resource, info.ns, "", info.object, options));
    fillType(made, *info.resource);
    co_return action_.report(session, std::move(made), "replaced");
  }

  Selection selection_;
  Action action_;
  bool saveConfig_ = false;
  bool force_ = false;
  int64_t gracePeriod_ = -1;
  std::string subresource_;
};

}  // namespace

Command patchCommand() {
  Command command;
  command.name = "patch";
  command.usage = "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]";
  command.summary = "Update fields of a resource";
  command.examples =
      "  kubectl patch node n1 -p '{\"spec\":{\"unschedulable\":true}}'\n\n"
      "  kubectl patch pod p --type=json -p='[{\"op\":\"replace\",\"path\":"
      "\"/spec/containers/0/image\",\"value\":\"new image\"}]'\n";
  command.group = "Advanced Commands";
  command.make = makeVerb<Patch>;
  return command;
}

Command replaceCommand() {
  Command command;
  command.name = "replace";
  command.usage = "-f FILENAME [options]";
  command.summary = "Replace a resource by file name or stdin";
  command.group = "Advanced Commands";
  command.make = makeVerb<Replace>;
  return command;
}

}  // namespace coxswain::cli
