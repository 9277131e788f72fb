#include "api/gen/authentication_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/names/quote.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

using namespace api::rbac::v1;  // NOLINT: the kinds this file makes

namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io";

/// "pods", "deployments.apps", "pods/log".
void addResources(std::vector<PolicyRule>& rules, const std::vector<std::string>& verbs,
                  const std::vector<std::string>& resources,
                  const std::vector<std::string>& names) {
  for (const auto& text : resources) {
    auto slash = text.find('/');
    auto base = text.substr(0, slash);
    auto dot = base.find('.');
    std::string group = dot == std::string::npos ? "" : base.substr(dot + 1);
    auto plural = base.substr(0, dot) + (slash == std::string::npos ? "" : text.substr(slash));
    PolicyRule* rule = nullptr;
    for (auto& known : rules) {
      if (known.apiGroups == std::vector<std::string>{group}) rule = &known;
    }
    if (!rule) {
      rule = &rules.emplace_back();
      rule->verbs = verbs;
      rule->apiGroups = {group};
      rule->resourceNames = names;
    }
    rule->resources.push_back(std::move(plural));
  }
}

template <typename T>
class RoleGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.commaList(&verbs_, "verb", 0, "What may be done: get,list,watch.");
    flags.commaList(&resources_, "resource", 0, "With what: pods,deployments.apps,pods/log.");
    flags.list(&names_, "resource-name", 0, "Only objects of this name; may be repeated.");
    if (std::is_same_v<T, ClusterRole>) {
      flags.commaList(&urls_, "non-resource-url", 0, "Paths that are no resources: /healthz.");
    }
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    T object;
    TRY(object.metadata.name, onlyName(words));
    if (verbs_.empty()) return fault("at least one verb must be specified");
    if (resources_.empty() && urls_.empty()) {
      return fault("at least one resource must be specified");
    }
    addResources(object.rules, verbs_, resources_, names_);
    if (!urls_.empty()) {
      auto& rule = object.rules.emplace_back();
      rule.verbs = verbs_;
      rule.nonResourceURLs = urls_;
    }
    return asValue(object);
  }
  std::vector<std::string> verbs_;
  std::vector<std::string> resources_;
  std::vector<std::string> names_;
  std::vector<std::string> urls_;
};

template <typename T>
class BindingGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.text(&clusterRole_, "clusterrole", 0, "The cluster role to give.");
    if (std::is_same_v<T, RoleBinding>) flags.text(&role_, "role", 0, "The role to give.");
    flags.commaList(&users_, "user", 0, "To this user; may be repeated.");
    flags.commaList(&groups_, "group", 0, "To this group; may be repeated.");
    flags.commaList(&accounts_, "serviceaccount", 0,
                    "To this service account, namespace:name; may be repeated.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    T object;
    TRY(object.metadata.name, onlyName(words));
    if (clusterRole_.empty() == role_.empty()) {
      return fault(std::is_same_v<T, RoleBinding>
                       ? "exactly one of clusterrole or role must be specified"
                       : "exactly one clusterrole must be specified");
    }
    object.roleRef.apiGroup = kRbac;
    object.roleRef.kind = role_.empty() ? "ClusterRole" : "Role";
    object.roleRef.name = role_.empty() ? clusterRole_ : role_;
    const auto add = [&](const char* kind, const std::string& name) -> Subject& {
      auto& subject = object.subjects.emplace_back();
      subject.kind = kind;
      subject.name = name;
      return subject;
    };
    for (const auto& user : users_) add("User", user).apiGroup = kRbac;
    for (const auto& group : groups_) add("Group", group).apiGroup = kRbac;
    for (const auto& account : accounts_) {
      auto parts = splitAt(account, ':');
      if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
        return fault("serviceaccount must be <namespace>:<name>");
      }
      add("ServiceAccount", parts[1]).namespace_ = parts[0];
    }
    return asValue(object);
  }
  std::string clusterRole_;
  std::string role_;
  std::vector<std::string> users_;
  std::vector<std::string> groups_;
  std::vector<std::string> accounts_;
};

class PriorityClassGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.integer(&value_, "value", 0, "The priority.");
    flags.boolean(&global_, "global-default", 0, "For pods that name no class.");
    flags.text(&description_, "description", 0, "When to use it.");
    flags.text(&policy_, "preemption-policy", 0, "PreemptLowerPriority or Never.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    api::scheduling::v1::PriorityClass object;
    TRY(object.metadata.name, onlyName(words));
    if (value_ > INT32_MAX || value_ < INT32_MIN) return fault("value is out of range");
    object.value = static_cast<int32_t>(value_);
    object.globalDefault = global_;
    object.description = description_;
    object.preemptionPolicy = policy_;
    return asValue(object);
  }
  int64_t value_ = 0;
  bool global_ = false;
  std::string description_;
  std::string policy_ = "PreemptLowerPriority";
};

class Token final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.list(&audiences_, "audience", 0, "Who shall accept the token; may be repeated.");
    flags.duration(&duration_, "duration", 0, "How long it shall be valid.");
    flags.text(&boundKind_, "bound-object-kind", 0, "Pod, Secret or Node that it ends with.");
    flags.text(&boundName_, "bound-object-name", 0, "Name of that object.");
    flags.text(&boundUid_, "bound-object-uid", 0, "UID of that object.");
    print_.declare(flags);
  }
  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() != 1) {
      co_return session.usageError("exactly one NAME is required, got " +
                                   std::to_string(words.size()));
    }
    CO_TRY_STATUS(checkBound());
    if (duration_ < Duration(0)) co_return fault("duration must be greater than or equal to 0");
    api::authentication::v1::TokenRequest request;
    request.spec.audiences = audiences_;
    if (duration_ > Duration(0)) request.spec.expirationSeconds = duration_ / 1s;
    if (!boundKind_.empty()) {
      auto& bound = request.spec.boundObjectRef.emplace();
      bound.kind = boundKind_;
      bound.apiVersion = "v1";
      bound.name = boundName_;
      bound.uid = boundUid_;
    }
    CO_TRY(auto ns, session.ns());
    CO_TRY(auto* rest, session.rest());
    client::RestRequest post;
    post.method = "POST";
    post.path = "/api/v1/namespaces/" + client::percentEncode(ns) + "/serviceaccounts/" +
                client::percentEncode(words[0]) + "/token";
    post.headers.add("Content-Type", "application/json");
    post.body = api::writeJsonValue(asValue(request));
    auto answer = co_await rest->call(std::move(post), {});
    if (!answer.ok()) co_return asFault(answer.status().withContext("failed to create token"));
    CO_TRY(auto made, api::parseJsonValue(answer->body));
    if (!print_.output.empty()) {
      CO_TRY(auto printer, makeObjectPrinter(print_));
      CO_TRY(auto text, printer->print(made));
      session.out().write(text);
      co_return Status();
    }
    auto token = textAt(made, {"status", "token"});
    if (token.empty()) co_return fault("failed to create token: no token in server response");
    session.out().line(token);
    co_return Status();
  }

 private:
  [[nodiscard]] Status checkBound() const {
    if (boundKind_.empty()) {
      if (!boundName_.empty()) {
        return fault("--bound-object-kind is required if --bound-object-name is provided");
      }
      if (!boundUid_.empty()) {
        return fault("--bound-object-uid can only be set if --bound-object-kind is provided");
      }
      return {};
    }
    if (boundKind_ != "Node" && boundKind_ != "Pod" && boundKind_ != "Secret") {
      return fault("supported --bound-object-kind values are Node, Pod, Secret");
    }
    if (boundName_.empty()) {
      return fault("--bound-object-name is required if --bound-object-kind is provided");
    }
    return {};
  }

  std::vector<std::string> audiences_;
  Duration duration_{};
  std::string boundKind_;
  std::string boundName_;
  std::string boundUid_;
  PrintFlags print_;
};

}  // namespace

Command tokenCommand() {
  Command command;
  command.name = "token";
  command.usage = "SERVICE_ACCOUNT_NAME [options]";
  command.summary = "Request a service account token";
  command.make = makeVerb<Token>;
  return command;
}

std::vector<Command> accessGenerators() {
  std::vector<Command> out;
  const auto add = [&](std::string_view name, std::string_view usage, std::string_view summary,
                       std::unique_ptr<Verb> (*maker)()) {
    auto& command = out.emplace_back();
    command.name = name;
    command.usage = usage;
    command.summary = summary;
    command.make = maker;
  };
  add("role", "NAME --verb=verb --resource=resource.group/subresource [options]",
      "Create a role with single rule", makeVerb<RoleGenerator<Role>>);
  add("clusterrole", "NAME --verb=verb --resource=resource.group [options]",
      "Create a cluster role", makeVerb<RoleGenerator<ClusterRole>>);
  add("rolebinding", "NAME --clusterrole=NAME|--role=NAME [--user=username] [options]",
      "Create a role binding for a particular role or cluster role",
      makeVerb<BindingGenerator<RoleBinding>>);
  add("clusterrolebinding", "NAME --clusterrole=NAME [--user=username] [options]",
      "Create a cluster role binding for a particular cluster role",
      makeVerb<BindingGenerator<ClusterRoleBinding>>);
  add("priorityclass", "NAME --value=VALUE --global-default=BOOL [options]",
      "Create a priority class with the specified name", makeVerb<PriorityClassGenerator>);
  out.back().aliases = {"pc"};
  return out;
}

}  // namespace coxswain::cli
