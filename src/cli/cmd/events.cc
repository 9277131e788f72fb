#include <algorithm>

#include "api/meta/time.h"
#include "base/text.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/printers/tab_writer.h"
#include "cli/printers/table_printer.h"
#include "cli/resources/builder.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

/// When it was last seen, as something that sorts.
std::pair<int64_t, int32_t> lastSeen(const json::value& event) {
  for (const auto& text : {textAt(event, {"series", "lastObservedTime"}),
                           textAt(event, {"lastTimestamp"}), textAt(event, {"eventTime"})}) {
    int64_t seconds = 0;
    int32_t nanos = 0;
    if (!text.empty() && api::parseRfc3339(text, seconds, nanos)) return {seconds, nanos};
  }
  return {};
}

/// "5m (x3 over 1h)"
std::string intervalOf(const json::value& event, int64_t now) {
  auto since = textAt(event, {"eventTime"});
  if (since.empty()) since = textAt(event, {"firstTimestamp"});
  const std::string first = ageOf(since, now);
  const auto repeated = [&](const std::string& last, int64_t count) {
    return ageOf(last, now) + " (x" + std::to_string(count) + " over " + first + ")";
  };
  if (const auto* series = at(event, {"series"}); series && series->is_object()) {
    return repeated(textAt(*series, {"lastObservedTime"}), integerAt(*series, {"count"}));
  }
  const int64_t count = integerAt(event, {"count"});
  return count > 1 ? repeated(textAt(event, {"lastTimestamp"}), count) : first;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

/// Events of a namespace, oldest first, or as they come.
class Events final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.boolean(&watch_, "watch", 'w', "After the list, show events as they come.");
    flags.boolean(&all_, "all-namespaces", 'A', "In all namespaces.");
    flags.text(&for_, "for", 0, "Only those about this object: TYPE/NAME.");
    flags.commaList(&types_, "types", 0, "Only of these types: Normal, Warning.");
    flags.boolean(&noHeaders_, "no-headers", 0, "No line of headers.");
    flags.integer(&chunkSize_, "chunk-size", 0, "Events to ask for at once; 0: all.");
    print_.declare(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string>, const FlagSet&) override {
    for (const auto& type : types_) {
      if (lowerCase(type) != "normal" && lowerCase(type) != "warning") {
        co_return fault("valid --types are Normal or Warning");
      }
    }
    CO_TRY(ns_, session.ns());
    CO_TRY(auto* mapper, co_await session.mapper());
    const auto* resource = mapper->byKind("v1", "Event");
    if (!resource) co_return fault("the server doesn't have a resource type \"events\"");
    ObjectListOptions options;
    if (!for_.empty()) {
      CO_TRY(options.fieldSelector, about(*mapper));
    }
    if (!print_.output.empty()) {
      CO_TRY(printer_, makeObjectPrinter(print_));
    }
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    const std::string where = all_ ? "" : ns_;
    if (watch_) co_return co_await follow(session, client, *resource, where, options);
    options.limit = chunkSize_;
    CO_TRY(auto list, co_await client.list(*resource, where, options));
    co_return show(session, std::move(list));
  }

 private:
  [[nodiscard]] Result<std::string> about(const Mapper& mapper) const {
    const size_t slash = for_.find('/');
    if (slash == std::string::npos) return fault("--for must be in resource/name form");
    if (for_.find('/', slash + 1) != std::string::npos) {
      return fault("arguments in resource/name form may not have more than one slash");
    }
    TRY(const auto* resource, mapper.byName(lowerCase(for_.substr(0, slash))));
    return "involvedObject.kind=" + resource->kind +
           ",involvedObject.apiVersion=" + resource->apiVersion() +
           ",involvedObject.name=" + for_.substr(slash + 1);
  }

  [[nodiscard]] bool wanted(const json::value& event) const {
    const auto type = lowerCase(textAt(event, {"type"}));
    return types_.empty() ||
           std::ranges::any_of(types_, [&](const std::string& t) { return lowerCase(t) == type; });
  }

  static void fillEvent(json::value& event) {
    auto* map = event.if_object();
    if (!map) return;
    if (kindOf(event).empty()) (*map)["kind"] = "Event";
    if (apiVersionOf(event).empty()) (*map)["apiVersion"] = "v1";
  }

  Status show(Session& session, json::value list) {
    std::vector<json::value> events;
    for (const auto& event : arrayAt(list, {"items"})) {
      if (!wanted(event)) continue;
      fillEvent(events.emplace_back(event));
    }
    if (events.empty()) {
      session.error(all_ ? std::string("No events found.\n")
                         : "No events found in " + ns_ + " namespace.\n");
      return {};
    }
    std::ranges::stable_sort(events, {}, lastSeen);
    if (!printer_) {
      for (const auto& event : events) row(session, event);
      session.out().write(writer_.take());
      return {};
    }
    json::value whole = std::move(list);
    json::array items;
    for (auto& event : events) items.push_back(std::move(event));
    auto& map = whole.get_object();
    map["kind"] = "EventList";
    map["apiVersion"] = "v1";
    map["items"] = std::move(items);
    if (print_.dropsManagedFields()) dropManagedFields(whole);
    TRY(auto text, printer_->print(whole));
    session.out().write(text);
    return {};
  }

  void row(Session& session, const json::value& event) {
    if (!noHeaders_ && !headed_) {
      writer_.write(std::string(all_ ? "NAMESPACE\t" : "") +
                    "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n");
    }
    headed_ = true;
    const int64_t now = api::Time(session.reactor().wallNow()).unix();
    const auto cell = [&](std::initializer_list<std::string_view> path) {
      return cellText(json::value(textAt(event, path)));
    };
    writer_.write((all_ ? namespaceOf(event) + "\t" : "") + intervalOf(event, now) + "\t" +
                  cell({"type"}) + "\t" + cell({"reason"}) + "\t" +
                  cell({"involvedObject", "kind"}) + "/" + cell({"involvedObject", "name"}) + "\t" +
                  trimmed(textAt(event, {"message"})) + "\n");
  }

  Task<Status> follow(Session& session, ObjectClient& client, const ApiResource& resource,
                      std::string ns, ObjectListOptions options) {
    const auto limit = client.rest().config().timeout;
    Deadline deadline(limit > Duration(0) ? limit : Duration(24h * 365), {});
    CO_TRY(auto watch, co_await client.watch(resource, ns, "", options, deadline.token()));
    while (!session.out().failed()) {
      auto event = co_await watch->next(deadline.token());
      if (isEndOfStream(event.status()) || deadline.expired()) co_return Status();
      if (!event.ok()) co_return event.status();
      if (event->type == "BOOKMARK" || event->type == "DELETED" || !wanted(event->object)) {
        continue;
      }
      fillEvent(event->object);
      if (printer_) {
        if (print_.dropsManagedFields()) dropManagedFields(event->object);
        CO_TRY(auto text, printer_->print(event->object));
        session.out().write(text);
      } else {
        row(session, event->object);
        session.out().write(writer_.take());
      }
      session.out().flush();
    }
    co_return Status();
  }

  bool watch_ = false;
  bool all_ = false;
  bool noHeaders_ = false;
  bool headed_ = false;
  int64_t chunkSize_ = 500;
  std::string for_;
  std::string ns_;
  std::vector<std::string> types_;
  PrintFlags print_;
  std::unique_ptr<ObjectPrinter> printer_;
  TabWriter writer_{{6, 3, true}};
};

}  // namespace

Command eventsCommand() {
  Command command;
  command.name = "events";
  command.usage = "[--for TYPE/NAME] [--watch] [--types=Normal,Warning] [options]";
  command.summary = "List events";
  command.examples =
      "  kubectl events --for pod/web --watch\n\n  kubectl events --types=Warning -A\n";
  command.group = "Troubleshooting and Debugging Commands";
  command.make = makeVerb<Events>;
  return command;
}

}  // namespace coxswain::cli
