#include <algorithm>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/reconcile.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/printers/tab_writer.h"
#include "cli/resources/builder.h"

namespace coxswain::cli {

namespace {

Task<Result<json::value>> post(Session& session, std::string path, json::value body) {
  CO_TRY(auto* rest, session.rest());
  client::RestRequest request;
  request.method = "POST";
  request.path = std::move(path);
  request.headers.add("Content-Type", "application/json");
  request.body = api::writeJsonValue(body);
  CO_TRY(auto answer, co_await rest->call(std::move(request), {}));
  co_return api::parseJsonValue(answer.body);
}

std::vector<std::string> textsAt(const json::value& value,
                                 std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto& item : arrayAt(value, path)) out.push_back(plainText(item));
  return out;
}

class CanI final : public Verb {
  void flags(FlagSet& flags) override {
    flags.boolean(&list_, "list", 0, "Show all that may be done.");
    flags.boolean(&all_, "all-namespaces", 'A', "In all namespaces.");
    flags.boolean(&quiet_, "quiet", 'q', "Say it by the exit code alone.");
    flags.text(&subresource_, "subresource", 0, "Of this part: log, scale, ...");
    flags.boolean(&noHeaders_, "no-headers", 0, "No line of headers.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY(auto ns, session.ns());
    if (all_) ns.clear();
    if (list_) {
      if (!words.empty()) co_return fault("list option must be specified with no arguments");
      co_return co_await list(session, ns);
    }
    if (words.size() != 2 && words.size() != 3) {
      co_return fault(
          "you must specify two arguments: verb resource or verb resource/resourceName."
          "\nSee 'kubectl auth can-i -h' for help and examples.");
    }
    json::object spec;
    if (words[1].starts_with('/')) {
      spec["nonResourceAttributes"] = json::object{{"verb", words[0]}, {"path", words[1]}};
    } else {
      CO_TRY(spec["resourceAttributes"], co_await attributes(session, words, ns));
    }
    json::object review{{"apiVersion", "authorization.k8s.io/v1"},
                        {"kind", "SelfSubjectAccessReview"},
                        {"spec", std::move(spec)}};
    CO_TRY(auto answer,
           co_await post(session, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                         std::move(review)));
    const bool allowed = boolAt(answer, {"status", "allowed"});
    if (!quiet_) {
      auto line = std::string(allowed ? "yes" : "no");
      auto reason = textAt(answer, {"status", "reason"});
      auto failure = textAt(answer, {"status", "evaluationError"});
      if (!allowed && !reason.empty()) line += " - " + reason;
      if (!allowed && !failure.empty()) line += " - " + failure;
      session.out().line(line);
    }
    if (!allowed) session.exitCode(1);
    co_return Status();
  }

  Task<Result<json::value>> attributes(Session& session, std::vector<std::string> words,
                                       std::string ns) {
    auto resource = words[1];
    std::string name = words.size() == 3 ? words[2] : "";
    if (auto slash = resource.find('/'); slash != std::string::npos) {
      name = resource.substr(slash + 1);
      resource.resize(slash);
    }
    json::object out{{"verb", words[0]}};
    if (resource == "*") {
      out["resource"] = "*";
      out["group"] = "*";
    } else {
      CO_TRY(auto* mapper, co_await session.mapper());
      auto found = mapper->byName(resource);
      if (found.ok()) {
        out["resource"] = (*found)->plural;
        if (!(*found)->group.empty()) out["group"] = (*found)->group;
        if (!(*found)->namespaced) {
          if (!ns.empty()) {
            session.warn("resource '" + (*found)->plural + "' is not namespace scoped" +
                         ((*found)->group.empty() ? "" : " in group '" + (*found)->group + "'") +
                         "\n");
          }
          ns.clear();
        }
      } else {
        session.warn("the server doesn't have a resource type '" + resource + "'\n");
        auto dot = resource.find('.');
        out["resource"] = resource.substr(0, dot);
        if (dot != std::string::npos) out["group"] = resource.substr(dot + 1);
      }
    }
    if (!ns.empty()) out["namespace"] = ns;
    if (!name.empty()) out["name"] = name;
    if (!subresource_.empty()) out["subresource"] = subresource_;
    co_return json::value(std::move(out));
  }

  Task<Status> list(Session& session, std::string ns) {
    json::object review{{"apiVersion", "authorization.k8s.io/v1"},
                        {"kind", "SelfSubjectRulesReview"},
                        {"spec", json::object{{"namespace", ns.empty() ? "*" : ns}}}};
    CO_TRY(auto answer,
           co_await post(session, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                         std::move(review)));
    TabWriter writer({6, 3, true});
    if (!noHeaders_) writer.write("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    const auto bracketed = [](const std::vector<std::string>& texts) {
      return "[" + joined(texts, " ") + "]";
    };
    // By verbs, groups, resources, as kubectl sorts its rules.
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto& rule : arrayAt(answer, {"status", "resourceRules"})) {
      const auto verbs = bracketed(textsAt(rule, {"verbs"}));
      for (const auto& resource : textsAt(rule, {"resources"})) {
        for (const auto& group : textsAt(rule, {"apiGroups"})) {
          rows.emplace_back(verbs + "[" + group + "][" + resource + "]",
                            resource + (group.empty() ? "" : "." + group) + "\t[]\t" +
                                bracketed(textsAt(rule, {"resourceNames"})) + "\t" + verbs + "\n");
        }
      }
    }
    for (const auto& rule : arrayAt(answer, {"status", "nonResourceRules"})) {
      const auto verbs = bracketed(textsAt(rule, {"verbs"}));
      for (const auto& url : textsAt(rule, {"nonResourceURLs"})) {
        rows.emplace_back(verbs + "[][][" + url + "]", "\t[" + url + "]\t[]\t" + verbs + "\n");
      }
    }
    std::ranges::stable_sort(rows, {}, &std::pair<std::string, std::string>::first);
    for (const auto& [order, row] : rows) writer.write(row);
    session.out().write(writer.take());
    co_return Status();
  }

  bool list_ = false;
  bool all_ = false;
  bool quiet_ = false;
  bool noHeaders_ = false;
  std::string subresource_;
};

class WhoAmI final : public Verb {
  void flags(FlagSet& flags) override { print_.declare(flags); }
  Task<Status> run(Session& session, std::vector<std::string>, const FlagSet&) override {
    json::object review{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
    CO_TRY(auto answer, co_await post(session, "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                      std::move(review)));
    if (!print_.output.empty()) {
      CO_TRY(auto printer, makeObjectPrinter(print_));
      CO_TRY(auto text, printer->print(answer));
      session.out().write(text);
      co_return Status();
    }
    TabWriter writer({6, 3, true});
    writer.write("ATTRIBUTE\tVALUE\n");
    const auto row = [&](const std::string& name, const std::string& value) {
      if (!value.empty()) writer.write(name + "\t" + value + "\n");
    };
    row("Username", textAt(answer, {"status", "userInfo", "username"}));
    row("UID", textAt(answer, {"status", "userInfo", "uid"}));
    auto groups = textsAt(answer, {"status", "userInfo", "groups"});
    if (!groups.empty()) row("Groups", "[" + joined(groups, " ") + "]");
    for (const auto& [name, values] : objectAt(answer, {"status", "userInfo", "extra"})) {
      row("Extra: " + std::string(name.data(), name.size()),
          "[" + joined(textsAt(values, {}), " ") + "]");
    }
    session.out().write(writer.take());
    co_return Status();
  }
  PrintFlags print_;
};

}  // namespace

Command authCommand() {
  Command command;
  command.name = "auth";
  command.usage = "[flags] [options]";
  command.summary = "Inspect authorization";
  command.group = "Cluster Management Commands";
  auto& can = command.children.emplace_back();
  can.name = "can-i";
  can.usage = "VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]";
  can.summary = "Check whether an action is allowed";
  can.examples = "  kubectl auth can-i create pods --all-namespaces\n";
  can.make = makeVerb<CanI>;
  auto& who = command.children.emplace_back();
  who.name = "whoami";
  who.usage = "[options]";
  who.summary = "Experimental: Check self subject attributes";
  who.make = makeVerb<WhoAmI>;
  command.children.push_back(reconcileCommand());
  return command;
}

}  // namespace coxswain::cli
