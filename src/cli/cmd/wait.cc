#include <algorithm>

#include "api/names/quote.h"
#include "base/text.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/deletion.h"
#include "cli/framework/errors.h"
#include "cli/printers/jsonpath.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

bool equalNoCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lowerCase(x) == lowerCase(y); });
}

/// What is waited for: of an object that is there.
class Condition {
 public:
  virtual ~Condition() = default;
  [[nodiscard]] virtual Result<bool> holds(const json::value& object) const = 0;
};

class StatusCondition final : public Condition {
 public:
  StatusCondition(std::string name, std::string value)
      : name_(std::move(name)), value_(std::move(value)) {}
  [[nodiscard]] Result<bool> holds(const json::value& object) const override {
    for (const auto& condition : arrayAt(object, {"status", "conditions"})) {
      if (!equalNoCase(textAt(condition, {"type"}), name_)) continue;
      const auto generation = integerAt(object, {"metadata", "generation"});
      const auto* seen = at(condition, {"observedGeneration"});
      const auto observed = seen ? integerAt(condition, {"observedGeneration"})
                                 : integerAt(object, {"status", "observedGeneration"}, -1);
      if (observed >= 0 && observed < generation) return false;
      return equalNoCase(textAt(condition, {"status"}), value_);
    }
    return false;
  }

 private:
  std::string name_;
  std::string value_;
};

class PathCondition final : public Condition {
 public:
  PathCondition(JsonPath path, std::optional<std::string> value)
      : path_(std::move(path)), value_(std::move(value)) {}
  [[nodiscard]] Result<bool> holds(const json::value& object) const override {
    TRY(auto found, path_.find(object));
    std::vector<const json::value*> all;
    for (const auto& action : found.actions) all.insert(all.end(), action.begin(), action.end());
    if (all.empty()) return false;
    if (all.size() > 1) return fault("given jsonpath expression matches more than one value");
    if (!value_) return true;
    if (all[0]->is_structured()) {
      return fault("jsonpath leads to a nested object or list which is not supported");
    }
    return plainText(*all[0]) == *value_;
  }

 private:
  JsonPath path_;
  std::optional<std::string> value_;
};

class Wait final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "wait for");
    selection_.declareSelectors(flags, true);
    flags.boolean(&selection_.all, "all", 0, "All of the type in the namespace.");
    flags.boolean(&selection_.allNamespaces, "all-namespaces", 'A', "In all namespaces.");
    flags.text(&for_, "for", 0,
               "create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE].");
    flags.duration(&timeout_, "timeout", 0, "How long to wait; 0: look once; negative: a week.");
    print_.declare(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(parseFor());
    if (timeout_ < Duration(0)) timeout_ = Duration(24h * 7);
    if (!print_.output.empty()) {
      CO_TRY(printer_, makeObjectPrinter(print_));
    }
    selection_.words = std::move(words);
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    // One time for all objects.
    Deadline deadline(std::max(timeout_, Duration(1)), {});
    if (creation_) {
      CO_TRY_STATUS(co_await waitForCreation(session, deadline));
      if (!condition_) co_return Status();
    }
    selection_.ignoreNotFound = deletion_;
    auto infos = co_await resolve(session, selection_, true);
    if (!infos.ok()) co_return infos.status();
    if (infos->empty()) {
      if (session.exitCode() == 0 && !deletion_) session.fail(fault("no matching resources found"));
      co_return Status();
    }
    const auto until = session.reactor().now() + timeout_;
    for (auto& info : *infos) {
      Status met = deletion_ ? co_await waitGone(session, client, info, until)
                             : co_await waitMet(client, info, deadline);
      if (isTimeout(met)) {
        session.fail(fault(met.message()));
        continue;
      }
      if (!met.ok()) co_return met;
      CO_TRY_STATUS(report(session, info));
    }
    co_return Status();
  }

 private:
  Status parseFor() {
    if (for_ == "delete" || for_ == "deletion") {
      deletion_ = true;
    } else if (for_ == "create") {
      creation_ = true;
    } else if (for_.starts_with("condition=")) {
      auto name = for_.substr(10);
      std::string value = "true";
      if (auto equal = name.find('='); equal != std::string::npos) {
        value = name.substr(equal + 1);
        name.resize(equal);
      }
      condition_ = std::make_unique<StatusCondition>(std::move(name), std::move(value));
    } else if (for_.starts_with("jsonpath=")) {
      return parsePath(for_.substr(9));
    } else {
      return fault("unrecognized condition: " + api::goQuote(for_));
    }
    return {};
  }

  Status parsePath(std::string text) {
    std::optional<std::string> value;
    auto close = text.rfind('}');
    auto equal = text.find('=', close == std::string::npos ? 0 : close);
    if (equal != std::string::npos) {
      value = text.substr(equal + 1);
      text.resize(equal);
      if (value->empty()) return fault("jsonpath wait value cannot be empty");
    }
    const auto trim = [](std::string& one) {
      if (one.size() >= 2 && (one[0] == '\'' || one[0] == '"') && one.back() == one[0]) {
        one = one.substr(1, one.size() - 2);
      }
    };
    trim(text);
    if (value) trim(*value);
    TRY(auto relaxed, relaxedJsonPath(text));
    if (relaxed.empty()) return fault("jsonpath expression cannot be empty");
    TRY(auto path, JsonPath::parse(relaxed));
    condition_ = std::make_unique<PathCondition>(std::move(path), std::move(value));
    return {};
  }

  Task<Status> waitForCreation(Session& session, Deadline& deadline) {
    Selection quiet = selection_;
    quiet.ignoreNotFound = true;
    while (true) {
      CO_TRY(auto found, co_await resolve(session, quiet, true));
      const auto wanted = selection_.labelSelector.empty() && !selection_.all &&
                                  selection_.files.empty() && selection_.words.size() > 1
                              ? namesAsked()
                              : 1;
      if (found.size() >= wanted) {
        for (auto& info : found) CO_TRY_STATUS(report(session, info));
        co_return Status();
      }
      Status slept = co_await sleepFor(500ms, deadline.token());
      if (!slept.ok()) co_return fault("timed out waiting for the condition");
    }
  }

  [[nodiscard]] size_t namesAsked() const {
    const auto& words = selection_.words;
    return words[0].find('/') != std::string::npos ? words.size() : words.size() - 1;
  }

  static Task<Status> waitGone(Session& session, ObjectClient& client, const Info& info,
                               MonotonicTime until) {
    const auto left = std::max(until - session.reactor().now(), Duration(1ms));
    Status gone = co_await waitUntilGone(client, *info.resource, info.ns, info.name,
                                         textAt(info.object, {"metadata", "uid"}), left);
    co_return gone;
  }

  Task<Status> waitMet(ObjectClient& client, Info& info, Deadline& deadline) {
    while (true) {
      CO_TRY(const bool now, condition_->holds(info.object));
      if (now) co_return Status();
      if (timeout_ == Duration(0))
        co_return fault("condition not met for " + info.resource->plural + "/" + info.name);
      ObjectListOptions from;
      from.resourceVersion = textAt(info.object, {"metadata", "resourceVersion"});
      auto watch =
          co_await client.watch(*info.resource, info.ns, info.name, from, deadline.token());
      while (watch.ok()) {
        auto event = co_await (*watch)->next(deadline.token());
        if (!event.ok()) break;
        if (event->type == "DELETED") co_return notFound(info.resource->qualified(), info.name);
        if (event->type == "BOOKMARK") continue;
        info.object = std::move(event->object);
        fillType(info.object, *info.resource);
        CO_TRY(const bool met, condition_->holds(info.object));
        if (met) co_return Status();
      }
      if (deadline.expired()) {
        co_return Status(
            Reason::Timeout, 504,
            "timed out waiting for the condition on " + info.resource->plural + "/" + info.name);
      }
      CO_TRY_STATUS(co_await refresh(client, info));
    }
  }

  Status report(Session& session, const Info& info) {
    if (printer_) {
      auto copy = info.object;
      if (print_.dropsManagedFields()) dropManagedFields(copy);
      TRY(auto text, printer_->print(copy));
      session.out().write(text);
    } else {
      session.out().line(info.typeAndName() + (deletion_ ? " deleted" : " condition met"));
    }
    session.out().flush();
    return {};
  }

  Selection selection_;
  PrintFlags print_;
  std::unique_ptr<ObjectPrinter> printer_;
  std::string for_;
  Duration timeout_ = 30s;
  bool deletion_ = false;
  bool creation_ = false;
  std::unique_ptr<Condition> condition_;
};

}  // namespace

Command waitCommand() {
  Command command;
  command.name = "wait";
  command.usage =
      "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | "
      "--all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath="
      "'{}'[=value]] [options]";
  command.summary = "Wait for a specific condition on one or many resources";
  command.examples =
      "  kubectl wait --for=condition=Ready pod/busybox1\n\n"
      "  kubectl wait --for=jsonpath='{.status.phase}'=Running pod/busybox1\n\n"
      "  kubectl wait --for=delete pod/busybox1 --timeout=60s\n";
  command.group = "Advanced Commands";
  command.make = makeVerb<Wait>;
  return command;
}

}  // namespace coxswain::cli
