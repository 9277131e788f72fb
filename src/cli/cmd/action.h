#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/framework/flags.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/resources/builder.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

enum class DryRun : uint8_t { None, Client, Server };

/// What verbs that change objects have in common: --dry-run, -o, --field-manager, --validate, and
/// the line they print for each object.
struct Action {
  PrintFlags print;
  std::string fieldManager;
  std::string validate = "strict";
  DryRun dryRun = DryRun::None;

  void declare(FlagSet& flags, std::string manager);
  void declareDryRun(FlagSet& flags);
  void declareValidate(FlagSet& flags);
  /// Checks what the flags say. Before the others.
  Status complete();

  [[nodiscard]] bool client() const { return dryRun == DryRun::Client; }
  [[nodiscard]] WriteOptions writeOptions() const;
  /// "pod/web created (dry run)", or the object as -o asks.
  Status report(Session& session, json::value object, std::string_view operation);
  /// " (dry run)", " (server dry run)" or nothing.
  [[nodiscard]] std::string_view suffix() const;

 private:
  std::string dryRunText_ = "none";
  std::string fieldValidation_;
  std::unique_ptr<ObjectPrinter> printer_;
};

/// The annotation of client-side apply.
inline constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/// What the annotation says of an object: it without the annotation, as one line of JSON.
std::string lastAppliedText(const json::value& object);
void setLastApplied(json::value& object);

/// `object` with kind and apiVersion of the resource where the server left them out.
void fillType(json::value& object, const ApiResource& resource);

/// Posts (or, on client dry run, only prints) what a generator made, in the session's namespace
/// where it is namespaced.
Task<Status> createAndReport(Session& session, Action& action, json::value object, bool saveConfig,
                             std::string_view operation = "created");

}  // namespace coxswain::cli
