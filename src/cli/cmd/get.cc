#include <algorithm>

#include "api/codec/value.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/printers/sorting.h"
#include "cli/printers/table_printer.h"
#include "cli/resources/builder.h"
#include "runtime/spawn.h"

namespace coxswain::cli {

namespace {

constexpr const char* kTableAccept =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
    "json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json";

class Get final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "get");
    selection_.declareSelectors(flags, true);
    flags.boolean(&selection_.allNamespaces, "all-namespaces", 'A', "List in all namespaces.");
    flags.boolean(&selection_.ignoreNotFound, "ignore-not-found", 0,
                  "An object that is not there is no failure.");
    print_.declare(flags,
                   "(json, yaml, kyaml, name, wide, go-template, go-template-file, jsonpath, "
                   "jsonpath-as-json, jsonpath-file, "
                   "custom-columns, custom-columns-file)");
    flags.boolean(&watch_, "watch", 'w', "After the list, show changes as they come.");
    flags.boolean(&watchOnly_, "watch-only", 0, "Show changes alone, without a list first.");
    flags.boolean(&watchEvents_, "output-watch-events", 0, "Say what kind of change each is.");
    flags.integer(&chunkSize_, "chunk-size", 0, "Objects to ask for at once; 0: all.");
    flags.text(&sortBy_, "sort-by", 0, "JSONPath of the field to sort by: '{.metadata.name}'.");
    flags.boolean(&noHeaders_, "no-headers", 0, "No line of headers in tables.");
    flags.boolean(&showLabels_, "show-labels", 0, "Show all labels as the last column.");
    flags.commaList(&labelColumns_, "label-columns", 'L', "Labels to show as columns.");
    flags.boolean(&showKind_, "show-kind", 0, "Write the type before names.");
    flags.text(&raw_, "raw", 0, "Path on the server to get as it is.");
    flags.text(&subresource_, "subresource", 0, "Get this part of the object: status, scale, ...");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    (void)given;
    if (!raw_.empty()) {
      if (!words.empty() || !selection_.files.empty()) {
        co_return session.usageError("arguments may not be passed when --raw is specified");
      }
      co_return co_await runRaw(session);
    }
    if (words.empty() && selection_.files.empty()) {
      session.error(
          "You must specify the type of resource to get. Use \"kubectl api-resources\" for a "
          "complete list of supported resources.\n\n");
      co_return session.usageError(
          "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed "
          "description of that resource (e.g. kubectl explain pods).");
    }
    if (watchEvents_ && !watch_ && !watchOnly_) {
      co_return session.usageError(
          "--output-watch-events option can only be used with --watch or --watch-only");
    }
    if (!print_.human()) {
      print_.noHeaders = noHeaders_;
      CO_TRY(printer_, makeObjectPrinter(print_));
    }
    selection_.words = std::move(words);
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    CO_TRY(auto asked, co_await whatIsAsked(session));
    CO_TRY(ns_, session.ns());
    if (selection_.allNamespaces) ns_.clear();
    CO_TRY_STATUS(checkAsked(session, asked));
    if (watch_ || watchOnly_) co_return co_await runWatch(session, client, asked);
    if (print_.human()) co_return co_await runTables(session, client, asked);
    co_return co_await runObjects(session, client, asked);
  }

 private:
  /// A resource to ask for; names with the namespaces files give them.
  struct Asked {
    const ApiResource* resource = nullptr;
    std::string ns;
    std::string name;  ///< empty: list
  };

  Task<Status> runRaw(Session& session) {
    CO_TRY(auto* rest, session.rest());
    client::RestRequest request;
    request.path = raw_.starts_with('/') ? raw_ : "/" + raw_;
    CO_TRY(auto answer, co_await rest->call(std::move(request), {}));
    session.out().write(answer.body);
    co_return Status();
  }

  Task<Result<std::vector<Asked>>> whatIsAsked(Session& session) {
    std::vector<Asked> out;
    CO_TRY(auto ns, session.ns());
    if (!selection_.files.empty()) {
      CO_TRY(auto infos, co_await readFiles(session, selection_));
      for (auto& info : infos) out.push_back({info.resource, info.ns, info.name});
      single_ = out.size() == 1;
      for (const auto& one : out) showKind_ = showKind_ || one.resource != out[0].resource;
      co_return std::move(out);
    }
    CO_TRY(auto* mapper, co_await session.mapper());
    CO_TRY(auto named, parseWords(*mapper, selection_.words));
    for (auto& one : named) {
      if (one.names.empty()) out.push_back({one.resource, ns, ""});
      for (auto& name : one.names) out.push_back({one.resource, ns, name});
    }
    single_ = out.size() == 1 && !out[0].name.empty();
    const auto sameType = [&](const Asked& a) { return a.resource == out[0].resource; };
    if (!std::ranges::all_of(out, sameType)) showKind_ = true;
    if (selection_.words[0] == "all") showKind_ = true;
    co_return std::move(out);
  }

  Status checkAsked(Session& session, const std::vector<Asked>& asked) const {
    const bool named = std::ranges::any_of(asked, [](const Asked& a) { return !a.name.empty(); });
    if (!named) return {};
    if (!selection_.labelSelector.empty()) {
      return fault("name cannot be provided when a selector is specified");
    }
    if (!selection_.fieldSelector.empty() && !watch_ && !watchOnly_) {
      return fault("field selectors cannot be used when an object is named");
    }
    if (selection_.allNamespaces && selection_.files.empty()) {
      return fault("a resource cannot be retrieved by name across all namespaces");
    }
    return {};
  }

  [[nodiscard]] ObjectListOptions listOptions() const {
    ObjectListOptions options;
    options.labelSelector = selection_.labelSelector;
    options.fieldSelector = selection_.fieldSelector;
    options.limit = chunkSize_;
    return options;
  }

  /// False: told of, or to be left out.
  bool tell(Session& session, const Status& failure) {
    if (isNotFound(failure) && selection_.ignoreNotFound) return false;
    failed_ = true;
    session.fail(failure);
    return false;
  }

  // Objects: json, yaml, name, jsonpath, custom-columns.

  Task<Status> runObjects(Session& session, ObjectClient& client, std::vector<Asked> asked) {
    std::vector<json::value> objects;
    std::vector<Status> failures;
    for (const auto& one : asked) {
      if (!one.name.empty()) {
        auto got = co_await client.get(*one.resource, one.ns, one.name, subresource_);
        if (got.ok()) {
          objects.push_back(std::move(*got));
        } else {
          if (isUnreachable(got.status())) co_return got.status();
          failures.push_back(got.status());
        }
        continue;
      }
      auto list = co_await client.list(*one.resource, ns_, listOptions());
      if (!list.ok()) {
        if (isUnreachable(list.status())) co_return list.status();
        failures.push_back(listFailure(*one.resource, selection_, list.status()));
        continue;
      }
      for (const auto& item : arrayAt(*list, {"items"})) {
        objects.push_back(item);
        makeWhole(objects.back(), *one.resource);
      }
    }
    if (!sortBy_.empty()) {
      CO_TRY_STATUS(
          sortBy(objects, sortBy_, [](const json::value& v) -> const json::value& { return v; }));
    }
    if (print_.dropsManagedFields()) {
      for (auto& object : objects) dropManagedFields(object);
    }
    CO_TRY_STATUS(printObjects(session, std::move(objects), failures));
    for (const auto& failure : failures) tell(session, failure);
    co_return Status();
  }

  Status printObjects(Session& session, std::vector<json::value> objects,
                      const std::vector<Status>& failures) {
    if (objects.empty() && (single_ || !failures.empty())) return {};
    if (single_ && objects.size() == 1) {
      TRY(auto text, printer_->print(objects[0]));
      session.out().write(text);
      return {};
    }
    if (printer_->eachAlone()) {
      for (const auto& object : objects) {
        TRY(auto text, printer_->print(object));
        session.out().write(text);
      }
      return {};
    }
    TRY(auto text, printer_->print(listOf(std::move(objects))));
    session.out().write(text);
    return {};
  }

  static void makeWhole(json::value& object, const ApiResource& resource) {
    auto* map = object.if_object();
    if (!map) return;
    if (kindOf(object).empty()) (*map)["kind"] = resource.kind;
    if (apiVersionOf(object).empty()) (*map)["apiVersion"] = resource.apiVersion();
  }

  // Tables.

  [[nodiscard]] TablePrinter makeTable(const ApiResource& resource) const {
    TablePrinter::Options options;
    options.wide = print_.output == "wide";
    options.headers = !noHeaders_;
    options.withNamespace = selection_.allNamespaces && resource.namespaced;
    options.showLabels = showLabels_;
    options.labelColumns = labelColumns_;
    options.eventColumn = watchEvents_;
    if (showKind_) options.typePrefix = resource.typeName();
    return TablePrinter(std::move(options));
  }

  [[nodiscard]] std::string includeObject() const { return sortBy_.empty() ? "" : "Object"; }

  json::value asTable(Session& session, json::value answer) const {
    if (kindOf(answer) == "Table") return answer;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         session.reactor().wallNow().time_since_epoch())
                         .count();
    std::vector<const json::value*> objects;
    if (isList(answer)) {
      for (const auto& item : arrayAt(answer, {"items"})) objects.push_back(&item);
    } else {
      objects.push_back(&answer);
    }
    auto table = tableOfObjects(objects, now);
    table.get_object()["metadata"] = objectAt(answer, {"metadata"});
    return table;
  }

  Task<Result<json::value>> fetchTable(Session& session, ObjectClient& client, const Asked& one,
                                       ObjectListOptions options) {
    if (one.name.empty()) {
      auto page = co_await client.listPage(*one.resource, ns_, std::move(options), kTableAccept,
                                           includeObject());
      if (!page.ok()) co_return listFailure(*one.resource, selection_, page.status());
      co_return asTable(session, std::move(*page));
    }
    client::RestRequest request;
    request.path = one.resource->path(one.ns, one.name, subresource_);
    request.headers.add("Accept", kTableAccept);
    if (!sortBy_.empty()) request.query.emplace_back("includeObject", "Object");
    CO_TRY(auto answer, co_await client.rest().call(std::move(request), {}));
    auto parsed = api::parseJsonValue(answer.body);
    if (!parsed.ok()) co_return asFault(parsed.status());
    co_return asTable(session, std::move(*parsed));
  }

  /// One resource's table in pages; `last` receives the last page's metadata.
  Task<Status> printTable(Session& session, ObjectClient& client, Asked one, TablePrinter& printer,
                          std::string& version) {
    auto options = listOptions();
    json::value whole;
    while (true) {
      CO_TRY(auto table, co_await fetchTable(session, client, one, options));
      version = textAt(table, {"metadata", "resourceVersion"});
      options.continueToken = textAt(table, {"metadata", "continue"});
      if (sortBy_.empty()) {
        show(session, printer.print(table, "ADDED"));
      } else if (whole.is_null()) {
        whole = std::move(table);
      } else {
        auto& rows = whole.get_object()["rows"];
        for (const auto& row : arrayAt(table, {"rows"})) {
          if (rows.is_array()) rows.get_array().push_back(row);
        }
      }
      if (options.continueToken.empty()) break;
    }
    if (sortBy_.empty()) co_return Status();
    std::vector<json::value> rows;
    for (const auto& row : arrayAt(whole, {"rows"})) rows.push_back(row);
    static const json::value kNone;
    CO_TRY_STATUS(sortBy(rows, sortBy_, [](const json::value& row) -> const json::value& {
      const auto* object = at(row, {"object"});
      return object ? *object : kNone;
    }));
    json::array sorted;
    for (auto& row : rows) sorted.push_back(std::move(row));
    whole.get_object()["rows"] = std::move(sorted);
    show(session, printer.print(whole));
    co_return Status();
  }

  void show(Session& session, const std::string& text) {
    if (text.empty()) return;
    if (separate_) session.out().write("\n");
    separate_ = false;
    session.out().write(text);
    written_ = true;
  }

  Task<Status> runTables(Session& session, ObjectClient& client, std::vector<Asked> asked) {
    const ApiResource* last = nullptr;
    std::optional<TablePrinter> printer;
    std::vector<Status> failures;
    bool allNamespaced = true;
    for (const auto& one : asked) {
      allNamespaced = allNamespaced && one.resource->namespaced;
      if (one.resource != last) {
        printer.emplace(makeTable(*one.resource));
        separate_ = last && !noHeaders_ && written_;
        last = one.resource;
      }
      std::string version;
      Status printed = co_await printTable(session, client, one, *printer, version);
      if (isUnreachable(printed)) co_return printed;
      if (!printed.ok()) failures.push_back(printed);
    }
    for (const auto& failure : failures) tell(session, failure);
    if (!written_ && !selection_.ignoreNotFound && !failed_) {
      session.error(allNamespaced && !ns_.empty() ? "No resources found in " + ns_ + " namespace.\n"
                                                  : std::string("No resources found\n"));
    }
    co_return Status();
  }

  // Watching.

  Task<Status> runWatch(Session& session, ObjectClient& client, std::vector<Asked> asked) {
    if (asked.size() != 1) {
      co_return fault(
          "watch is only supported on individual resources and resource collections - "
          "more than 1 resource was found");
    }
    auto one = asked[0];
    auto printer = makeTable(*one.resource);
    std::string version;
    if (print_.human()) {
      if (watchOnly_) {
        CO_TRY(auto table, co_await fetchTable(session, client, one, listOptions()));
        version = textAt(table, {"metadata", "resourceVersion"});
      } else {
        CO_TRY_STATUS(co_await printTable(session, client, one, printer, version));
      }
    } else {
      CO_TRY_STATUS(co_await printFirst(session, client, one, version));
    }
    session.out().flush();
    auto options = listOptions();
    options.limit = 0;
    options.resourceVersion = version;
    // --request-timeout bounds the whole watch, as it does in kubectl.
    const auto limit = client.rest().config().timeout;
    Deadline deadline(limit > Duration(0) ? limit : Duration(24h * 365), {});
    CO_TRY(auto watch, co_await client.watch(*one.resource, one.name.empty() ? ns_ : one.ns,
                                             one.name, options, deadline.token(),
                                             print_.human() ? kTableAccept : "", includeObject()));
    while (!session.out().failed()) {
      auto event = co_await watch->next(deadline.token());
      if (isEndOfStream(event.status()) || deadline.expired()) co_return Status();
      if (!event.ok()) co_return event.status();
      if (event->type == "BOOKMARK") continue;
      if (print_.human()) {
        show(session, printer.print(asTable(session, std::move(event->object)), event->type));
      } else {
        CO_TRY_STATUS(printEvent(session, std::move(*event)));
      }
      session.out().flush();
    }
    co_return Status();
  }

  Task<Status> printFirst(Session& session, ObjectClient& client, Asked one, std::string& version) {
    std::vector<json::value> objects;
    if (one.name.empty()) {
      CO_TRY(auto list, co_await client.list(*one.resource, ns_, listOptions()));
      version = textAt(list, {"metadata", "resourceVersion"});
      for (const auto& item : arrayAt(list, {"items"})) {
        objects.push_back(item);
        makeWhole(objects.back(), *one.resource);
      }
    } else {
      CO_TRY(auto object, co_await client.get(*one.resource, one.ns, one.name));
      version = textAt(object, {"metadata", "resourceVersion"});
      objects.push_back(std::move(object));
    }
    if (watchOnly_) co_return Status();
    for (auto& object : objects) {
      CO_TRY_STATUS(printEvent(session, {"ADDED", std::move(object)}));
    }
    co_return Status();
  }

  Status printEvent(Session& session, ObjectEvent event) {
    if (print_.dropsManagedFields()) dropManagedFields(event.object);
    json::value shown = std::move(event.object);
    if (watchEvents_) {
      shown = json::object{{"type", event.type}, {"object", std::move(shown)}};
    }
    TRY(auto text, printer_->print(shown));
    session.out().write(text);
    return {};
  }

  Selection selection_;
  PrintFlags print_;
  bool watch_ = false;
  bool watchOnly_ = false;
  bool watchEvents_ = false;
  int64_t chunkSize_ = 500;
  std::string sortBy_;
  bool noHeaders_ = false;
  bool showLabels_ = false;
  bool showKind_ = false;
  std::vector<std::string> labelColumns_;
  std::string raw_;
  std::string subresource_;

  std::string ns_;  // to list in; empty: all
  bool single_ = false;
  bool written_ = false;
  bool separate_ = false;
  bool failed_ = false;
  std::unique_ptr<ObjectPrinter> printer_;
};

}  // namespace

Command getCommand() {
  Command command;
  command.name = "get";
  command.usage =
      "[(-o|--output=)FORMAT] (TYPE[.VERSION][.GROUP] [NAME | -l label] | "
      "TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]";
  command.summary = "Display one or many resources";
  command.examples =
      "  # All pods, then with more columns\n  kubectl get pods\n  kubectl get pods -o wide\n\n"
      "  # One deployment as YAML\n  kubectl get deployment web -o yaml\n\n"
      "  # The node of a pod\n  kubectl get pod web-0 -o jsonpath='{.spec.nodeName}'\n\n"
      "  # Names and images as columns\n"
      "  kubectl get pods -o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[0].image\n\n"
      "  # Changes as they come\n  kubectl get pods -A -w\n";
  command.group = "Basic Commands (Intermediate)";
  command.make = makeVerb<Get>;
  return command;
}

}  // namespace coxswain::cli
