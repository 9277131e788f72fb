#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/yaml/yaml.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/process.h"
#include "cli/framework/errors.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

namespace {

constexpr const char* kHeader =
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n";
constexpr int kAttemptsMax = 10;

std::string commented(const std::string& text) {
  std::string out;
  for (const auto& line : splitAt(text, '\n')) {
    if (!line.empty()) out += "# " + line + "\n";
  }
  return out + "#\n";
}

std::string withoutComments(const std::string& text) {
  std::string out;
  for (const auto& line : splitAt(text, '\n')) {
    if (!line.starts_with('#')) out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

class Edit final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "edit");
    flags.text(&output_, "output", 'o', "yaml or json: the form to edit.");
    flags.text(&subresource_, "subresource", 0, "Edit this part: status.");
    action_.fieldManager = "kubectl-edit";
    action_.declareValidate(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (output_ != "yaml" && output_ != "json") co_return fault("-o must be yaml or json");
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      Status edited = co_await editOne(session, client, info);
      if (!edited.ok()) session.fail(edited);
    }
    co_return Status();
  }

 private:
  [[nodiscard]] std::string shown(json::value object) const {
    dropManagedFields(object);
    return output_ == "json" ? prettyJson(object) : api::valueToYaml(object);
  }

  static std::vector<std::string> editorCommand(const std::string& file) {
    for (const char* name : {"KUBE_EDITOR", "EDITOR"}) {
      const char* value = std::getenv(name);
      // Through a shell, so that quotes and arguments work.
      if (value && *value) return {"/bin/sh", "-c", std::string(value) + " \"$1\"", "sh", file};
    }
    return {"vi", file};
  }

  Task<Status> editOne(Session& session, ObjectClient& client, const Info& info) {
    CO_TRY(auto folder, TemporaryFolder::create("kubectl-edit-"));
    const auto file = folder.path() + "/edit." + output_;
    const auto before = shown(info.object);
    std::string text = kHeader + before;
    std::string complaint;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      CO_TRY_STATUS(writeText(file, text));
      session.out().flush();
      CO_TRY(const int code, runProgram(editorCommand(file), session.streams().out));
      if (code != 0)
        co_return fault("there was a problem with the editor: exit status " + std::to_string(code));
      auto read = client::readWholeFile(file);
      if (!read.ok()) co_return asFault(read.status());
      const auto edited = withoutComments(*read);
      if (edited.find_first_not_of(" \t\n") == std::string::npos) {
        session.error("Edit cancelled, saved file was empty.\n");
        co_return Status();
      }
      if (edited == withoutComments(before) && complaint.empty()) {
        session.error("Edit cancelled, no changes made.\n");
        co_return Status();
      }
      if (!complaint.empty() && edited == withoutComments(text)) {
        session.error(complaint + "error: Edit cancelled, no valid changes were saved.\n");
        session.exitCode(1);
        co_return Status();
      }
      Status saved = co_await save(session, client, info, edited);
      if (saved.ok()) co_return saved;
      if (isUnreachable(saved) || isNotFound(saved)) co_return saved;
      complaint = errorText(saved, session.server());
      text = kHeader + commented(complaint) + edited;
    }
    co_return fault("Edit cancelled: too many attempts");
  }

  Task<Status> save(Session& session, ObjectClient& client, const Info& info,
                    const std::string& text) {
    auto parsed = api::yamlToValue(text);
    if (!parsed.ok()) co_return fault(parsed.status().message());
    auto& edited = *parsed;
    if (kindOf(edited) != kindOf(info.object) ||
        apiVersionOf(edited) != apiVersionOf(info.object) || nameOf(edited) != info.name ||
        namespaceOf(edited) != info.ns) {
      co_return fault("At least one of apiVersion, kind and name was changed");
    }
    json::value original = info.object;
    dropManagedFields(original);
    const auto* known = api::findKind(info.resource->apiVersion(), info.resource->kind);
    json::value patch;
    if (known) {
      auto made = api::createTwoWayStrategicPatch(original, edited, *known);
      if (!made.ok()) co_return asFault(made.status());
      patch = std::move(*made);
    } else {
      patch = api::createMergePatch(original, edited);
    }
    if (patch.get_object().empty()) {
      session.out().line(info.typeAndName() + " skipped");
      co_return Status();
    }
    auto options = action_.writeOptions();
    options.subresource = subresource_;
    CO_TRY(auto after, co_await client.patch(
                           *info.resource, info.ns, info.name,
                           known ? client::PatchType::StrategicMerge : client::PatchType::Merge,
                           api::writeJsonValue(patch), options));
    fillType(after, *info.resource);
    co_return action_.report(session, std::move(after), "edited");
  }

  Selection selection_;
  Action action_;
  std::string output_ = "yaml";
  std::string subresource_;
};

}  // namespace

Command editCommand() {
  Command command;
  command.name = "edit";
  command.usage = "(RESOURCE/NAME | -f FILENAME) [options]";
  command.summary = "Edit a resource on the server";
  command.details = "With $KUBE_EDITOR, $EDITOR or vi.";
  command.group = "Basic Commands (Intermediate)";
  command.make = makeVerb<Edit>;
  return command;
}

}  // namespace coxswain::cli
