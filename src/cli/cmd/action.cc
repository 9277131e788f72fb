#include "cli/cmd/action.h"

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

void Action::declare(FlagSet& flags, std::string manager) {
  fieldManager = std::move(manager);
  print.declare(flags);
  declareDryRun(flags);
  flags.text(&fieldManager, "field-manager", 0, "Who owns the fields that are written.");
}

void Action::declareDryRun(FlagSet& flags) {
  flags.textOr(&dryRunText_, "dry-run", 0, "unchanged",
               "none, server or client: do not store; client does not even ask the server.");
}

void Action::declareValidate(FlagSet& flags) {
  flags.textOr(&validate, "validate", 0, "strict",
               "strict (or true), warn, ignore (or false): what unknown and repeated fields do.");
}

Status Action::complete() {
  if (dryRunText_ == "client" || dryRunText_ == "unchanged") {
    dryRun = DryRun::Client;
  } else if (dryRunText_ == "server") {
    dryRun = DryRun::Server;
  } else if (dryRunText_ != "none") {
    return fault("Invalid dry-run value (" + dryRunText_ +
                 "). Must be \"none\", \"server\", or \"client\".");
  }
  if (validate == "strict" || validate == "true") {
    fieldValidation_ = "Strict";
  } else if (validate == "warn") {
    fieldValidation_ = "Warn";
  } else if (validate == "ignore" || validate == "false") {
    fieldValidation_ = "Ignore";
  } else {
    return fault("Invalid validate value (" + validate +
                 "). Must be \"strict\" (or \"true\"), \"warn\" or \"ignore\" (or \"false\").");
  }
  if (!print.output.empty() && !print.nameOnly()) {
    TRY(printer_, makeObjectPrinter(print));
  }
  return {};
}

WriteOptions Action::writeOptions() const {
  WriteOptions options;
  options.dryRun = dryRun == DryRun::Server;
  options.fieldManager = fieldManager;
  options.fieldValidation = fieldValidation_;
  return options;
}

std::string_view Action::suffix() const {
  if (dryRun == DryRun::Client) return " (dry run)";
  if (dryRun == DryRun::Server) return " (server dry run)";
  return "";
}

Status Action::report(Session& session, json::value object, std::string_view operation) {
  if (printer_) {
    if (print.dropsManagedFields()) dropManagedFields(object);
    TRY(auto text, printer_->print(object));
    session.out().write(text);
    return {};
  }
  auto line = typeAndName(object);
  if (!print.nameOnly()) line += " " + std::string(operation) + std::string(suffix());
  session.out().line(line);
  return {};
}

std::string lastAppliedText(const json::value& object) {
  json::value copy = object;
  if (auto* meta = copy.get_object().if_contains("metadata"); meta && meta->is_object()) {
    auto& annotations = meta->get_object()["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object().erase(key(kLastApplied));
  }
  return api::writeJsonValue(copy) + "\n";
}

void setLastApplied(json::value& object) {
  auto text = lastAppliedText(object);
  makeObject(object, {"metadata", "annotations"})[key(kLastApplied)] = text;
}

void fillType(json::value& object, const ApiResource& resource) {
  auto* map = object.if_object();
  if (!map) return;
  if (kindOf(object).empty()) (*map)["kind"] = resource.kind;
  if (apiVersionOf(object).empty()) (*map)["apiVersion"] = resource.apiVersion();
}

Task<Status> createAndReport(Session& session, Action& action, json::value object, bool saveConfig,
                             std::string_view operation) {
  CO_TRY(auto ns, session.ns());
  if (saveConfig) setLastApplied(object);
  if (action.client() && !session.namespaceGiven()) {
    // As kubectl: the namespace is written only where it was asked for.
    co_return action.report(session, std::move(object), operation);
  }
  CO_TRY(auto* mapper, co_await session.mapper());
  const auto* resource = mapper->byKind(apiVersionOf(object), kindOf(object));
  if (!resource) {
    co_return fault("no matches for kind " + api::goQuote(kindOf(object)) + " in version " +
                    api::goQuote(apiVersionOf(object)));
  }
  if (resource->namespaced) makeObject(object, {"metadata"})["namespace"] = ns;
  if (action.client()) co_return action.report(session, std::move(object), operation);
  CO_TRY(auto* rest, session.rest());
  auto made = co_await ObjectClient(*rest).create(*resource, ns, "", object, action.writeOptions());
  if (!made.ok()) {
    auto lower = resource->typeName();
    co_return made.status().withContext("failed to create " + lower.substr(0, lower.find('.')));
  }
  fillType(*made, *resource);
  co_return action.report(session, std::move(*made), operation);
}

}  // namespace coxswain::cli
