#include <algorithm>

#include "api/codec/value.h"
#include "api/meta/quantity.h"
#include "api/names/quote.h"
#include "api/patch/strategic.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// The pod spec within an object; null: it has none.
json::object* podSpecOf(json::value& object) {
  const auto kind = kindOf(object);
  if (kind == "Pod") return &makeObject(object, {"spec"});
  if (kind == "CronJob") {
    return &makeObject(object, {"spec", "jobTemplate", "spec", "template", "spec"});
  }
  if (at(object, {"spec", "template", "spec"})) {
    return &makeObject(object, {"spec", "template", "spec"});
  }
  return nullptr;
}

/// set image, env, resources: change containers of pods and templates, send the difference.
class SetVerb : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "change");
    selection_.declareSelectors(flags);
    flags.boolean(&selection_.all, "all", 0, "All of the type in the namespace.");
    flags.boolean(&local_, "local", 0, "Do not ask the server: change what -f says and print it.");
    action_.declare(flags, "kubectl-set");
    ownFlags(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    CO_TRY_STATUS(takeWords(words));
    selection_.words = std::move(words);
    if (selection_.words.empty() && selection_.files.empty()) {
      co_return fault(
          "one or more resources must be specified as <resource> <name> or "
          "<resource>/<name>");
    }
    Result<std::vector<Info>> infos = std::vector<Info>();
    if (local_) {
      infos = co_await readFiles(session, selection_);
    } else {
      infos = co_await resolve(session, selection_, true);
    }
    if (!infos.ok()) co_return infos.status();
    for (auto& info : *infos) {
      Status done = co_await changeOne(session, info);
      if (!done.ok()) session.fail(done);
    }
    co_return Status();
  }

 protected:
  explicit SetVerb(std::string operation) : operation_(std::move(operation)) {}
  virtual void ownFlags(FlagSet& flags) = 0;
  /// Takes what is no resource off the words.
  virtual Status takeWords(std::vector<std::string>& words) = 0;
  virtual Status change(Session& session, const Info& info, json::object& podSpec) = 0;
  /// Asked instead of changing: prints; true: nothing is to be changed.
  virtual bool listOnly() const { return false; }

 private:
  Task<Status> changeOne(Session& session, const Info& info) {
    json::value after = info.object;
    auto* spec = podSpecOf(after);
    if (!spec) co_return fault(info.typeAndName() + " has no pod template");
    CO_TRY_STATUS(change(session, info, *spec));
    if (listOnly()) co_return Status();
    const auto* known = api::findKind(info.resource->apiVersion(), info.resource->kind);
    if (!known) co_return fault("no strategic merge patch is known for " + info.resource->kind);
    auto patch = api::createTwoWayStrategicPatch(info.object, after, *known);
    if (!patch.ok()) co_return asFault(patch.status());
    if (patch->is_object() && patch->get_object().empty()) {
      if (local_ || !action_.print.output.empty()) {
        co_return action_.report(session, std::move(after), operation_);
      }
      co_return Status();
    }
    if (!local_ && !action_.client()) {
      CO_TRY(auto* rest, session.rest());
      auto options = action_.writeOptions();
      options.fieldValidation.clear();
      CO_TRY(after, co_await ObjectClient(*rest).patch(*info.resource, info.ns, info.name,
                                                       client::PatchType::StrategicMerge,
                                                       api::writeJsonValue(*patch), options));
    }
    fillType(after, *info.resource);
    co_return action_.report(session, std::move(after), operation_);
  }

  std::string operation_;
  Selection selection_;
  Action action_;
  bool local_ = false;
};

/// Containers (and init containers) of a pod spec whose name fits; "*": all.
std::vector<json::object*> containersNamed(json::object& spec, const std::string& name,
                                           bool inits = true) {
  std::vector<json::object*> out;
  for (const char* list : {"containers", "initContainers"}) {
    if (!inits && list[0] == 'i') continue;
    auto* value = spec.if_contains(list);
    if (!value || !value->is_array()) continue;
    for (auto& container : value->get_array()) {
      if (container.is_object() && (name == "*" || textAt(container, {"name"}) == name)) {
        out.push_back(&container.get_object());
      }
    }
  }
  return out;
}

class SetImage final : public SetVerb {
 public:
  SetImage() : SetVerb("image updated") {}

 private:
  void ownFlags(FlagSet& flags) override { (void)flags; }
  Status takeWords(std::vector<std::string>& words) override {
    auto first = std::ranges::find_if(
        words, [](const std::string& word) { return word.find('=') != std::string::npos; });
    for (auto at = first; at != words.end(); ++at) {
      auto equal = at->find('=');
      if (equal == std::string::npos || equal == 0 || equal + 1 == at->size()) {
        return fault("all resources must be specified before image changes: " + *at);
      }
      for (const auto& name : splitAt(std::string_view(*at).substr(0, equal), ',')) {
        images_.emplace_back(name, at->substr(equal + 1));
      }
    }
    words.erase(first, words.end());
    if (images_.empty()) return fault("at least one image update is required");
    return {};
  }
  Status change(Session&, const Info&, json::object& spec) override {
    std::vector<std::string> faults;
    for (const auto& [name, image] : images_) {
      auto containers = containersNamed(spec, name);
      if (containers.empty()) {
        faults.push_back("unable to find container named " + api::goQuote(name));
      }
      for (auto* container : containers) (*container)["image"] = image;
    }
    return faults.empty() ? Status() : fault(joined(faults, "\n"));
  }
  std::vector<std::pair<std::string, std::string>> images_;
};

class SetEnv final : public SetVerb {
 public:
  SetEnv() : SetVerb("env updated") {}

 private:
  void ownFlags(FlagSet& flags) override {
    flags.text(&container_, "containers", 'c', "Container to change; *: all.");
    flags.list(&more_, "env", 'e', "KEY=VALUE; may be repeated.");
    flags.boolean(&list_, "list", 0, "Show the variables.");
    flags.boolean(&overwrite_, "overwrite", 0, "Change variables that are there.");
  }
  [[nodiscard]] bool listOnly() const override { return list_; }
  Status takeWords(std::vector<std::string>& words) override {
    auto first = std::ranges::find_if(words, [](const std::string& word) {
      return word.find('=') != std::string::npos || word.ends_with('-');
    });
    std::vector<std::string> texts(first, words.end());
    words.erase(first, words.end());
    texts.insert(texts.end(), more_.begin(), more_.end());
    for (const auto& text : texts) {
      auto equal = text.find('=');
      if (equal != std::string::npos && equal > 0) {
        sets_.emplace_back(text.substr(0, equal), text.substr(equal + 1));
      } else if (text.ends_with('-') && text.size() > 1) {
        removes_.push_back(text.substr(0, text.size() - 1));
      } else {
        return fault("environment variables must be of the form key=value: " + text);
      }
    }
    if (sets_.empty() && removes_.empty() && !list_) {
      return fault("at least one environment variable must be provided");
    }
    return {};
  }
  Status change(Session& session, const Info& info, json::object& spec) override {
    auto containers = containersNamed(spec, container_);
    if (containers.empty()) {
      return fault(info.typeAndName() + " does not have any containers matching " +
                   api::goQuote(container_));
    }
    for (auto* container : containers) {
      auto& env = (*container)["env"];
      if (!env.is_array()) env = json::array();
      if (list_) {
        print(session, info, *container, env.get_array());
        continue;
      }
      TRY_STATUS(edit(env.get_array()));
      if (env.get_array().empty()) container->erase("env");
    }
    return {};
  }
  static void print(Session& session, const Info& info, const json::object& container,
                    const json::array& env) {
    session.out().line("# " + info.resource->kind + " " + info.name + ", container " +
                       textAt(container, {"name"}));
    for (const auto& variable : env) {
      const auto name = textAt(variable, {"name"});
      const auto* from = at(variable, {"valueFrom"});
      if (!from) {
        session.out().line(name + "=" + textAt(variable, {"value"}));
      } else if (const auto* field = at(*from, {"fieldRef"})) {
        session.out().line("# " + name + " from field path " + textAt(*field, {"fieldPath"}));
      } else if (const auto* secret = at(*from, {"secretKeyRef"})) {
        session.out().line("# " + name + " from secret " + textAt(*secret, {"name"}) + ", key " +
                           textAt(*secret, {"key"}));
      } else if (const auto* map = at(*from, {"configMapKeyRef"})) {
        session.out().line("# " + name + " from configmap " + textAt(*map, {"name"}) + ", key " +
                           textAt(*map, {"key"}));
      } else {
        session.out().line("# " + name + " from resource field " +
                           textAt(*from, {"resourceFieldRef", "resource"}));
      }
    }
  }
  Status edit(json::array& env) const {
    for (const auto& [name, value] : sets_) {
      auto found = std::ranges::find_if(
          env, [&](const json::value& v) { return textAt(v, {"name"}) == name; });
      if (found == env.end()) {
        env.push_back(json::object{{"name", name}, {"value", value}});
      } else if (!overwrite_ && textAt(*found, {"value"}) != value) {
        return fault("'" + name + "' already has a value (" + textAt(*found, {"value"}) +
                     "), and --overwrite is false");
      } else {
        *found = json::object{{"name", name}, {"value", value}};
      }
    }
    for (const auto& name : removes_) {
      json::array kept;
      for (const auto& variable : env) {
        if (textAt(variable, {"name"}) != name) kept.push_back(variable);
      }
      env = std::move(kept);
    }
    return {};
  }
  std::string container_ = "*";
  std::vector<std::string> more_;
  bool list_ = false;
  bool overwrite_ = true;
  std::vector<std::pair<std::string, std::string>> sets_;
  std::vector<std::string> removes_;
};

class SetResources final : public SetVerb {
 public:
  SetResources() : SetVerb("resource requirements updated") {}

 private:
  void ownFlags(FlagSet& flags) override {
    flags.text(&container_, "containers", 'c', "Container to change; *: all.");
    flags.text(&limits_, "limits", 0, "Limits: cpu=100m,memory=256Mi; 0 removes.");
    flags.text(&requests_, "requests", 0, "Requests: cpu=100m,memory=256Mi; 0 removes.");
  }
  Status takeWords(std::vector<std::string>&) override {
    if (limits_.empty() && requests_.empty()) {
      return fault(
          "you must specify an update to requests or limits (in the form of --requests/"
          "--limits)");
    }
    return {};
  }
  Status change(Session&, const Info& info, json::object& spec) override {
    auto containers = containersNamed(spec, container_, false);
    if (containers.empty()) {
      return fault("unable to find container named " + container_ + " in " + info.typeAndName());
    }
    for (auto* container : containers) {
      json::value holder(*container);
      TRY_STATUS(put(makeObject(holder, {"resources", "limits"}), limits_));
      TRY_STATUS(put(makeObject(holder, {"resources", "requests"}), requests_));
      auto& resources = makeObject(holder, {"resources"});
      for (const char* name : {"limits", "requests"}) {
        if (resources[name].get_object().empty()) resources.erase(name);
      }
      *container = std::move(holder.get_object());
    }
    return {};
  }
  static Status put(json::object& to, const std::string& text) {
    if (text.empty()) return {};
    for (const auto& part : splitAt(text, ',')) {
      auto equal = part.find('=');
      if (equal == std::string::npos) {
        return fault("Invalid argument syntax " + part + ", expected <resource>=<value>");
      }
      auto amount = part.substr(equal + 1);
      auto quantity = api::Quantity::parse(amount);
      if (!quantity.ok()) return asFault(quantity.status());
      if (amount == "0") {
        to.erase(key(part.substr(0, equal)));
      } else {
        to[key(part.substr(0, equal))] = amount;
      }
    }
    return {};
  }
  std::string container_ = "*";
  std::string limits_;
  std::string requests_;
};

class SetServiceAccount final : public SetVerb {
 public:
  SetServiceAccount() : SetVerb("serviceaccount updated") {}

 private:
  void ownFlags(FlagSet& flags) override { (void)flags; }
  Status takeWords(std::vector<std::string>& words) override {
    if (words.empty()) return fault("serviceaccount is required");
    account_ = words.back();
    words.pop_back();
    return {};
  }
  Status change(Session&, const Info&, json::object& spec) override {
    spec["serviceAccountName"] = account_;
    return {};
  }
  std::string account_;
};

}  // namespace

Command setCommand() {
  Command command;
  command.name = "set";
  command.usage = "SUBCOMMAND [options]";
  command.summary = "Set specific features on objects";
  command.group = "Basic Commands (Beginner)";
  const auto add = [&](std::string_view name, std::string_view usage, std::string_view summary,
                       std::unique_ptr<Verb> (*maker)()) {
    auto& child = command.children.emplace_back();
    child.name = name;
    child.usage = usage;
    child.summary = summary;
    child.make = maker;
  };
  add("env", "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
      "Update environment variables on a pod template", makeVerb<SetEnv>);
  add("image",
      "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... "
      "CONTAINER_NAME_N=CONTAINER_IMAGE_N [options]",
      "Update the image of a pod template", makeVerb<SetImage>);
  add("resources", "(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]) [options]",
      "Update resource requests/limits on objects with pod templates", makeVerb<SetResources>);
  add("serviceaccount", "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
      "Update the service account of a resource", makeVerb<SetServiceAccount>);
  command.children.back().aliases = {"sa"};
  return command;
}

}  // namespace coxswain::cli
