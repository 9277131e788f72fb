#include <algorithm>
#include <filesystem>

#include "api/meta/base64.h"
#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/printers/tab_writer.h"
#include "client/http/kubeconfig.h"

namespace coxswain::cli {

using client::KubeConfig;
using client::KubeConfigEntry;
using client::KubeConfigPaths;

namespace {

KubeConfigPaths pathsOf(const Session& session) {
  return KubeConfigPaths::find(session.globals().kubeconfig);
}

/// All files together; one that was named but is not there yet is an empty one.
Result<KubeConfig> loadAll(const Session& session) {
  auto paths = pathsOf(session);
  paths.isExplicit = false;
  auto loaded = KubeConfig::load(paths);
  if (!loaded.ok()) return asFault(loaded.status());
  return loaded;
}

using Edit = std::function<Status(KubeConfig& file)>;

/// Changes one file under its lock. Empty: where new entries go.
Status editFile(const Session& session, std::string file, const Edit& edit) {
  auto paths = pathsOf(session);
  if (file.empty()) file = paths.defaultFile();
  auto lock = client::KubeConfigLock::take(file);
  if (!lock.ok()) return asFault(lock.status());
  KubeConfigPaths one;
  one.files = {file};
  auto loaded = KubeConfig::load(one);
  if (!loaded.ok()) return asFault(loaded.status());
  TRY_STATUS(edit(*loaded));
  return asFault(client::writeKubeConfigFile(file, *loaded));
}

/// The file that has the current context, or the first.
std::string fileOfCurrent(const Session& session) {
  auto paths = pathsOf(session);
  for (const auto& file : paths.files) {
    KubeConfigPaths one;
    one.files = {file};
    auto loaded = KubeConfig::load(one);
    if (loaded.ok() && !loaded->currentContext.empty()) return file;
  }
  return paths.defaultFile();
}

class View final : public Verb {
  void flags(FlagSet& flags) override {
    print_.output = "yaml";
    print_.declare(flags);
    flags.boolean(&raw_, "raw", 0, "Show certificates and secrets.");
    flags.boolean(&flatten_, "flatten", 0, "Put the contents of files into the output.");
    flags.boolean(&minify_, "minify", 0, "Only what the current context needs.");
  }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty()) co_return session.usageError("unexpected arguments: " + joined(words, " "));
    CO_TRY(auto config, loadAll(session));
    const auto& overrides = session.globals().overrides;
    if (!overrides.context.empty()) config.currentContext = overrides.context;
    if (minify_) {
      Status status = config.minify();
      if (!status.ok()) co_return asFault(status);
    }
    if (flatten_) {
      Status status = config.flatten();
      if (!status.ok()) co_return asFault(status);
    }
    if (!raw_ && !flatten_) config.redact();
    CO_TRY(auto printer, makeObjectPrinter(print_));
    CO_TRY(auto text, printer->print(config.toValue()));
    session.out().write(text);
    co_return Status();
  }
  PrintFlags print_;
  bool raw_ = false;
  bool flatten_ = false;
  bool minify_ = false;
};

class CurrentContext final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string>, const FlagSet&) override {
    CO_TRY(auto config, loadAll(session));
    if (config.currentContext.empty()) co_return fault("current-context is not set");
    session.out().line(config.currentContext);
    co_return Status();
  }
};

class GetContexts final : public Verb {
  void flags(FlagSet& flags) override {
    flags.boolean(&noHeaders_, "no-headers", 0, "No line of headers.");
    flags.text(&output_, "output", 'o', "name: names only.");
  }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!output_.empty() && output_ != "name") {
      co_return fault("output must be one of '' or 'name': " + output_);
    }
    CO_TRY(auto config, loadAll(session));
    std::vector<const KubeConfigEntry*> shown;
    for (const auto& context : config.contexts) {
      if (words.empty() || std::ranges::find(words, context.name) != words.end()) {
        shown.push_back(&context);
      }
    }
    for (const auto& word : words) {
      if (!KubeConfig::find(config.contexts, word)) {
        session.fail(fault("context " + word + " not found"));
      }
    }
    std::ranges::sort(shown, {}, [](const auto* context) { return context->name; });
    TabWriter writer({6, 3, true});
    if (output_.empty() && !noHeaders_) {
      writer.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    for (const auto* context : shown) {
      if (output_ == "name") {
        writer.write(context->name + "\n");
        continue;
      }
      writer.write(std::string(context->name == config.currentContext ? "*" : "") + "\t" +
                   context->name + "\t" + context->text("cluster") + "\t" + context->text("user") +
                   "\t" + context->text("namespace") + "\n");
    }
    session.out().write(writer.take());
    co_return Status();
  }
  bool noHeaders_ = false;
  std::string output_;
};

/// get-clusters, get-users.
class GetNames : public Verb {
 protected:
  GetNames(KubeConfig::Entries KubeConfig::*member, const char* header)
      : member_(member), header_(header) {}

 private:
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string>, const FlagSet&) override {
    CO_TRY(auto config, loadAll(session));
    std::vector<std::string> names;
    for (const auto& entry : config.*member_) names.push_back(entry.name);
    std::ranges::sort(names);
    session.out().line(header_);
    for (const auto& name : names) session.out().line(name);
    co_return Status();
  }
  KubeConfig::Entries KubeConfig::*member_;
  const char* header_;
};
struct GetClusters final : GetNames {
  GetClusters() : GetNames(&KubeConfig::clusters, "NAME") {}
};
struct GetUsers final : GetNames {
  GetUsers() : GetNames(&KubeConfig::users, "NAME") {}
};

class UseContext final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 1) co_return session.usageError("exactly one context name is required");
    CO_TRY(auto config, loadAll(session));
    const auto& name = words[0];
    if (!KubeConfig::find(config.contexts, name)) {
      co_return fault("no context exists with the name: " + api::goQuote(name));
    }
    CO_TRY_STATUS(editFile(session, fileOfCurrent(session), [&](KubeConfig& file) {
      file.currentContext = name;
      return Status();
    }));
    session.out().line("Switched to context " + api::goQuote(name) + ".");
    co_return Status();
  }
};

/// set-cluster, set-context, set-credentials: what the flags say, into an entry.
class SetEntry : public Verb {
 protected:
  SetEntry(KubeConfig::Entries KubeConfig::*member, const char* what)
      : member_(member), what_(what) {}

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    const bool current = words.empty() && useCurrent_;
    if (words.size() != (current ? 0U : 1U)) {
      co_return session.usageError("exactly one name is required");
    }
    CO_TRY(auto config, loadAll(session));
    auto name = current ? config.currentContext : words[0];
    if (name.empty()) co_return fault("no current context is set");
    const auto* known = KubeConfig::find(config.*member_, name);
    const bool existed = known != nullptr;
    if (current && !existed) {
      co_return fault("current context " + api::goQuote(name) + " does not exist");
    }
    CO_TRY_STATUS(editFile(session, known ? known->file : "", [&](KubeConfig& file) {
      auto& entries = file.*member_;
      auto* entry = KubeConfig::find(entries, name);
      if (!entry) {
        entries.push_back({name, {}, ""});
        entry = &entries.back();
      }
      return change(session, *entry, given);
    }));
    session.out().line(
        std::string(what_) + " " + api::goQuote(name) +
        (what_ == std::string("Context") ? (existed ? " modified." : " created.") : " set."));
    co_return Status();
  }
  virtual Status change(const Session& session, KubeConfigEntry& entry, const FlagSet& given) = 0;
  /// A file's path, or (with --embed-certs) its contents.
  static Status putFile(KubeConfigEntry& entry, const std::string& memberName,
                        const std::string& path, bool embed) {
    if (path.empty()) return {};
    if (!embed) {
      std::error_code ignored;
      auto full = std::filesystem::absolute(path, ignored).lexically_normal().string();
      entry.body[key(memberName)] = full;
      entry.body.erase(key(memberName + "-data"));
      return {};
    }
    auto bytes = client::readWholeFile(path);
    if (!bytes.ok()) return asFault(bytes.status());
    entry.body[key(memberName + "-data")] = api::base64Encode(*bytes);
    entry.body.erase(key(memberName));
    return {};
  }
  bool useCurrent_ = false;

 private:
  KubeConfig::Entries KubeConfig::*member_;
  const char* what_;
};

class SetCluster final : public SetEntry {
 public:
  SetCluster() : SetEntry(&KubeConfig::clusters, "Cluster") {}
  void flags(FlagSet& flags) override {
    flags.boolean(&embed_, "embed-certs", 0, "Write the certificate itself, not its path.");
  }
  // --server, --certificate-authority, ... are global flags.
  Status change(const Session& session, KubeConfigEntry& entry, const FlagSet& given) override {
    const auto& overrides = session.globals().overrides;
    if (given.changed("server")) entry.body["server"] = overrides.server;
    if (given.changed("tls-server-name")) entry.body["tls-server-name"] = overrides.tlsServerName;
    if (given.changed("insecure-skip-tls-verify")) {
      if (overrides.insecure) {
        entry.body["insecure-skip-tls-verify"] = true;
        entry.body.erase("certificate-authority");
        entry.body.erase("certificate-authority-data");
      } else {
        entry.body.erase("insecure-skip-tls-verify");
      }
    }
    if (!overrides.caFile.empty()) entry.body.erase("insecure-skip-tls-verify");
    return putFile(entry, "certificate-authority", overrides.caFile, embed_);
  }
  bool embed_ = false;
};

class SetCredentials final : public SetEntry {
 public:
  SetCredentials() : SetEntry(&KubeConfig::users, "User") {}
  void flags(FlagSet& flags) override {
    flags.boolean(&embed_, "embed-certs", 0, "Write certificate and key themselves.");
  }
  Status change(const Session& session, KubeConfigEntry& entry, const FlagSet& given) override {
    const auto& overrides = session.globals().overrides;
    if (given.changed("token")) entry.body["token"] = overrides.token;
    if (given.changed("username")) entry.body["username"] = overrides.username;
    if (given.changed("password")) entry.body["password"] = overrides.password;
    TRY_STATUS(putFile(entry, "client-certificate", overrides.certificateFile, embed_));
    return putFile(entry, "client-key", overrides.keyFile, embed_);
  }
  bool embed_ = false;
};

class SetContext final : public SetEntry {
 public:
  SetContext() : SetEntry(&KubeConfig::contexts, "Context") {}
  void flags(FlagSet& flags) override {
    flags.boolean(&useCurrent_, "current", 0, "Change the current context.");
  }
  Status change(const Session& session, KubeConfigEntry& entry, const FlagSet& given) override {
    const auto& overrides = session.globals().overrides;
    const auto put = [&](const char* flag, const char* name, const std::string& value) {
      if (given.changed(flag)) entry.body[name] = value;
    };
    put("cluster", "cluster", overrides.cluster);
    put("user", "user", overrides.user);
    put("namespace", "namespace", overrides.ns);
    return {};
  }
};

/// delete-cluster, delete-context, delete-user.
class DeleteEntry : public Verb {
 protected:
  DeleteEntry(KubeConfig::Entries KubeConfig::*member, const char* what)
      : member_(member), what_(what) {}

 private:
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 1) co_return session.usageError("exactly one name is required");
    CO_TRY(auto config, loadAll(session));
    const auto* known = KubeConfig::find(config.*member_, words[0]);
    if (!known) {
      co_return fault("cannot delete " + std::string(what_) + " " + words[0] + ", not in " +
                      pathsOf(session).defaultFile());
    }
    if (what_ == std::string("context") && config.currentContext == words[0]) {
      session.error(
          "warning: this removed your active context, use \"kubectl config use-context\" "
          "to select a different one\n");
    }
    const auto file = known->file;
    CO_TRY_STATUS(editFile(session, file, [&](KubeConfig& one) {
      std::erase_if(one.*member_, [&](const auto& entry) { return entry.name == words[0]; });
      return Status();
    }));
    session.out().line("deleted " + std::string(what_) + " " + words[0] + " from " + file);
    co_return Status();
  }
  KubeConfig::Entries KubeConfig::*member_;
  const char* what_;
};
struct DeleteCluster final : DeleteEntry {
  DeleteCluster() : DeleteEntry(&KubeConfig::clusters, "cluster") {}
};
struct DeleteContext final : DeleteEntry {
  DeleteContext() : DeleteEntry(&KubeConfig::contexts, "context") {}
};
struct DeleteUser final : DeleteEntry {
  DeleteUser() : DeleteEntry(&KubeConfig::users, "user") {}
};

class RenameContext final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 2) co_return session.usageError("old and new name are required");
    CO_TRY(auto config, loadAll(session));
    const auto* known = KubeConfig::find(config.contexts, words[0]);
    if (!known) {
      co_return fault("cannot rename the context " + api::goQuote(words[0]) + ", it's not in " +
                      pathsOf(session).defaultFile());
    }
    if (KubeConfig::find(config.contexts, words[1])) {
      co_return fault("cannot rename the context " + api::goQuote(words[0]) + ", the context " +
                      api::goQuote(words[1]) + " already exists in " +
                      pathsOf(session).defaultFile());
    }
    CO_TRY_STATUS(editFile(session, known->file, [&](KubeConfig& file) {
      if (auto* entry = KubeConfig::find(file.contexts, words[0])) entry->name = words[1];
      if (file.currentContext == words[0]) file.currentContext = words[1];
      return Status();
    }));
    session.out().line("Context " + api::goQuote(words[0]) + " renamed to " +
                       api::goQuote(words[1]) + ".");
    co_return Status();
  }
};

class Unset final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 1) co_return session.usageError("exactly one property is required");
    if (words[0] != "current-context") {
      co_return fault(
          "only current-context can be unset; use delete-cluster, delete-context and "
          "delete-user for the others");
    }
    CO_TRY_STATUS(editFile(session, fileOfCurrent(session), [](KubeConfig& file) {
      file.currentContext.clear();
      return Status();
    }));
    session.out().line("Property \"current-context\" unset.");
    co_return Status();
  }
};

}  // namespace

Command configCommand() {
  Command command;
  command.name = "config";
  command.usage = "SUBCOMMAND [options]";
  command.summary = "Modify kubeconfig files";
  command.group = "Other Commands";
  const auto add = [&](std::string_view name, std::string_view usage, std::string_view summary,
                       std::unique_ptr<Verb> (*maker)()) {
    auto& child = command.children.emplace_back();
    child.name = name;
    child.usage = usage;
    child.summary = summary;
    child.make = maker;
  };
  add("current-context", "", "Display the current-context", makeVerb<CurrentContext>);
  add("delete-cluster", "NAME", "Delete the specified cluster from the kubeconfig",
      makeVerb<DeleteCluster>);
  add("delete-context", "NAME", "Delete the specified context from the kubeconfig",
      makeVerb<DeleteContext>);
  add("delete-user", "NAME", "Delete the specified user from the kubeconfig", makeVerb<DeleteUser>);
  add("get-clusters", "", "Display clusters defined in the kubeconfig", makeVerb<GetClusters>);
  add("get-contexts", "[(-o|--output=)name)]", "Describe one or many contexts",
      makeVerb<GetContexts>);
  add("get-users", "", "Display users defined in the kubeconfig", makeVerb<GetUsers>);
  add("rename-context", "CONTEXT_NAME NEW_NAME", "Rename a context from the kubeconfig file",
      makeVerb<RenameContext>);
  add("set-cluster", "NAME [--server=server] [--certificate-authority=path]",
      "Set a cluster entry in kubeconfig", makeVerb<SetCluster>);
  add("set-context",
      "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] "
      "[--namespace=namespace]",
      "Set a context entry in kubeconfig", makeVerb<SetContext>);
  add("set-credentials", "NAME [--client-certificate=path] [--client-key=path] [--token=token]",
      "Set a user entry in kubeconfig", makeVerb<SetCredentials>);
  add("unset", "PROPERTY_NAME", "Unset an individual value in a kubeconfig file", makeVerb<Unset>);
  add("use-context", "CONTEXT_NAME", "Set the current-context in a kubeconfig file",
      makeVerb<UseContext>);
  command.children.back().aliases = {"use"};
  add("view", "[flags]", "Display merged kubeconfig settings or a specified kubeconfig file",
      makeVerb<View>);
  return command;
}

}  // namespace coxswain::cli
