#include <unistd.h>

#include <algorithm>

#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/tab_writer.h"
#include "cli/resources/mapper.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

namespace {

class ApiResources final : public Verb {
  void flags(FlagSet& flags) override {
    flags.text(&group_, "api-group", 0, "Only of this group; empty: core.");
    flags.text(&namespaced_, "namespaced", 0, "true or false: only (not) namespaced ones.");
    flags.commaList(&verbs_, "verbs", 0, "Only what has all these verbs.");
    flags.commaList(&categories_, "categories", 0, "Only what is in all these categories.");
    flags.text(&sortBy_, "sort-by", 0, "name or kind.");
    flags.boolean(&noHeaders_, "no-headers", 0, "No line of headers.");
    flags.text(&output_, "output", 'o', "wide or name.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    if (!words.empty())
      co_return session.usageError("unexpected arguments: [" + joined(words, " ") + "]");
    if (!output_.empty() && output_ != "wide" && output_ != "name") {
      co_return fault("--output " + output_ + " is not available");
    }
    if (!sortBy_.empty() && sortBy_ != "name" && sortBy_ != "kind") {
      co_return fault("--sort-by accepts only name or kind");
    }
    if (given.changed("namespaced") && namespaced_ != "true" && namespaced_ != "false") {
      co_return fault("--namespaced takes true or false");
    }
    CO_TRY(auto* mapper, co_await session.mapper());
    std::vector<const ApiResource*> shown;
    for (const auto& resource : mapper->discovery().resources) {
      if (wanted(resource, given, shown)) shown.push_back(&resource);
    }
    std::ranges::stable_sort(shown, [&](const auto* a, const auto* b) {
      if (sortBy_ == "name") return a->plural < b->plural;
      if (sortBy_ == "kind") return a->kind < b->kind;
      return std::pair(a->group, a->plural) < std::pair(b->group, b->plural);
    });
    print(session, shown);
    for (const auto& failure : mapper->discovery().failures) session.fail(fault(failure));
    co_return Status();
  }

  bool wanted(const ApiResource& resource, const FlagSet& given,
              const std::vector<const ApiResource*>& shown) const {
    if (given.changed("api-group") && resource.group != group_) return false;
    if (given.changed("namespaced") && resource.namespaced != (namespaced_ == "true")) return false;
    if (resource.verbs.empty()) return false;
    if (!std::ranges::all_of(verbs_, [&](const auto& verb) { return resource.can(verb); })) {
      return false;
    }
    const auto& has = resource.categories;
    for (const auto& category : categories_) {
      if (std::ranges::find(has, category) == has.end()) return false;
    }
    // The preferred version of each.
    return !std::ranges::any_of(shown, [&](const auto* other) {
      return other->group == resource.group && other->plural == resource.plural;
    });
  }

  void print(Session& session, const std::vector<const ApiResource*>& shown) const {
    TabWriter writer({6, 3, true});
    if (!noHeaders_ && output_ != "name") {
      writer.write(std::string("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND") +
                   (output_ == "wide" ? "\tVERBS\tCATEGORIES\n" : "\n"));
    }
    for (const auto* resource : shown) {
      if (output_ == "name") {
        writer.write(resource->qualified() + "\n");
        continue;
      }
      auto line = resource->plural + "\t" + joined(resource->shortNames, ",") + "\t" +
                  resource->apiVersion() + "\t" + (resource->namespaced ? "true" : "false") + "\t" +
                  resource->kind;
      if (output_ == "wide") {
        auto verbs = resource->verbs;
        std::ranges::sort(verbs);
        line += "\t" + joined(verbs, ",") + "\t" + joined(resource->categories, ",");
      }
      writer.write(line + "\n");
    }
    session.out().write(writer.take());
  }

  std::string group_;
  std::string namespaced_;
  std::vector<std::string> verbs_;
  std::vector<std::string> categories_;
  std::string sortBy_;
  bool noHeaders_ = false;
  std::string output_;
};

class ApiVersions final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty())
      co_return session.usageError("unexpected arguments: [" + joined(words, " ") + "]");
    CO_TRY(auto* mapper, co_await session.mapper());
    auto versions = mapper->discovery().groupVersions;
    std::ranges::sort(versions);
    for (const auto& version : versions) session.out().line(version);
    co_return Status();
  }
};

class ClusterInfo final : public Verb {
  void flags(FlagSet& flags) override { (void)flags; }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (!words.empty()) co_return fault("unknown command " + api::goQuote(words[0]));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    CO_TRY(auto* mapper, co_await session.mapper());
    CO_TRY(const auto* services, mapper->byName("services"));
    ObjectListOptions options;
    options.labelSelector = "kubernetes.io/cluster-service=true";
    CO_TRY(auto list, co_await client.list(*services, "kube-system", options));
    const auto& server = rest->config().server;
    const bool colored = ::isatty(session.streams().out) != 0;
    const auto line = [&](const std::string& name, const std::string& url) {
      session.out().line((colored ? "\x1b[0;32m" + name + "\x1b[0m" : name) + " is running at " +
                         (colored ? "\x1b[0;33m" + url + "\x1b[0m" : url));
    };
    line("Kubernetes control plane", server);
    for (const auto& service : arrayAt(list, {"items"})) {
      auto name = nameOf(service);
      auto shown = textAt(service, {"metadata", "labels", "kubernetes.io/name"});
      std::string port;
      const auto& ports = arrayAt(service, {"spec", "ports"});
      if (!ports.empty()) port = textAt(ports[0], {"name"});
      line(shown.empty() ? name : shown, server + "/api/v1/namespaces/kube-system/services/" +
                                             name + (port.empty() ? "" : ":" + port) + "/proxy");
    }
    co_return Status();
  }
};

}  // namespace

Command apiResourcesCommand() {
  Command command;
  command.name = "api-resources";
  command.usage = "[flags] [options]";
  command.summary = "Print the supported API resources on the server";
  command.group = "Other Commands";
  command.make = makeVerb<ApiResources>;
  return command;
}

Command apiVersionsCommand() {
  Command command;
  command.name = "api-versions";
  command.usage = "[options]";
  command.summary =
      "Print the supported API versions on the server, in the form of \"group/version\"";
  command.group = "Other Commands";
  command.make = makeVerb<ApiVersions>;
  return command;
}

Command clusterInfoCommand() {
  Command command;
  command.name = "cluster-info";
  command.usage = "[flags] [options]";
  command.summary = "Display cluster information";
  command.group = "Cluster Management Commands";
  command.make = makeVerb<ClusterInfo>;
  return command;
}

}  // namespace coxswain::cli
