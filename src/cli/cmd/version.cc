#include "api/codec/value.h"
#include "api/yaml/yaml.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

namespace {

constexpr const char* kVersion = "v1.36.2";

class Version final : public Verb {
  void flags(FlagSet& flags) override {
    flags.boolean(&client_, "client", 0, "Only our version; do not ask a server.");
    flags.text(&output_, "output", 'o', "yaml or json.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty()) co_return session.usageError("unexpected arguments: " + joined(words, " "));
    if (!output_.empty() && output_ != "yaml" && output_ != "json") {
      co_return fault("--output must be 'yaml' or 'json'");
    }
    json::object shown;
    shown["clientVersion"] = json::object{{"major", "1"},
                                          {"minor", "36"},
                                          {"gitVersion", kVersion},
                                          {"compiler", "clang"},
                                          {"platform", "linux/amd64"}};
    Status asked;
    if (!client_) {
      auto server = co_await askServer(session);
      asked = server.status();
      if (server.ok()) shown["serverVersion"] = std::move(*server);
    }
    print(session, shown);
    if (!asked.ok()) session.fail(asked);
    co_return Status();
  }

  Task<Result<json::value>> askServer(Session& session) {
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    co_return co_await client.getPath("/version");
  }

  void print(Session& session, const json::object& shown) const {
    if (output_ == "json") {
      session.out().write(prettyJson(shown));
    } else if (output_ == "yaml") {
      session.out().write(api::valueToYaml(shown));
    } else {
      session.out().line("Client Version: " + std::string(kVersion));
      auto server = textAt(shown, {"serverVersion", "gitVersion"});
      if (!server.empty()) session.out().line("Server Version: " + server);
    }
  }

  bool client_ = false;
  std::string output_;
};

}  // namespace

Command versionCommand() {
  Command command;
  command.name = "version";
  command.usage = "[flags] [options]";
  command.summary = "Print the client and server version information";
  command.group = "Other Commands";
  command.make = makeVerb<Version>;
  return command;
}

}  // namespace coxswain::cli
