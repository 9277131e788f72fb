#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/framework/session.h"
#include "cli/resources/mapper.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

/// What a command was told to work on.
struct Selection {
  std::vector<std::string> files;  ///< -f
  bool recursive = false;          ///< -R
  std::vector<std::string> words;  ///< TYPE[,TYPE] [NAME...] or TYPE/NAME...
  std::string labelSelector;
  std::string fieldSelector;
  bool all = false;            ///< --all
  bool allNamespaces = false;  ///< -A
  bool ignoreNotFound = false;

  /// -f and -R.
  void declareFiles(FlagSet& flags, std::string_view verb);
  /// -l; with `fields` --field-selector too.
  void declareSelectors(FlagSet& flags, bool fields = false);
};

/// One object to work on.
struct Info {
  const ApiResource* resource = nullptr;
  std::string ns;  ///< empty: cluster-scoped
  std::string name;
  json::value object;  ///< as the file says it, or as the server has it; null: only named
  std::string source;  ///< the file, for messages; empty: the command line

  /// "pods/web", "deployments.apps/web" as errors say it.
  [[nodiscard]] std::string described() const;
  /// "pod/web", "deployment.apps/web".
  [[nodiscard]] std::string typeAndName() const { return resource->typeName() + "/" + name; }
};

/// A resource with the names asked of it; none: all of them.
struct NamedResource {
  const ApiResource* resource = nullptr;
  std::vector<std::string> names;
  bool single = true;  ///< of TYPE/NAME or of one TYPE
};

/// The words of a command line. Fault in kubectl's words.
Result<std::vector<NamedResource>> parseWords(const Mapper& mapper,
                                              const std::vector<std::string>& words);

/// The objects of -f files: documents, lists flattened, namespaces filled in from the session.
/// Several faults come as one, a line each.
Task<Result<std::vector<Info>>> readFiles(Session& session, const Selection& selection);

/// Objects from files, or from words and selectors: then as the server has them where `fetch`, else
/// only named (lists are always fetched). What cannot be had is told by session.fail and left out;
/// NotFound is not told where `ignoreNotFound`.
Task<Result<std::vector<Info>>> resolve(Session& session, const Selection& selection, bool fetch);

/// A list's failure as kubectl words it: with the resource and the selectors where the server found
/// the request bad.
Status listFailure(const ApiResource& resource, const Selection& selection, const Status& failure);

/// Reads the live object in place of `info.object`.
Task<Status> refresh(ObjectClient& client, Info& info);

}  // namespace coxswain::cli
