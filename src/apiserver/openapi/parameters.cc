#include "apiserver/openapi/parameters.h"

#include <algorithm>
#include <iterator>

#include "api/reflect/object.h"

namespace coxswain::apiserver::openapi {
namespace {

Parameter query(std::string_view name, std::string_view type, std::string_view shared,
                std::string_view description) {
  return {std::string(name), "query", std::string(type), std::string(description),
          std::string(shared)};
}

Parameter dryRun() {
  return query("dryRun", "string", "",
               "All: go through every stage of the request but do not store the result.");
}

/// The name v2 gives to the parameter of an options kind; empty: none.
std::string_view sharedOption(std::string_view kind, std::string_view name) {
  struct Entry {
    std::string_view kind;
    std::string_view name;
    std::string_view shared;
  };
  static constexpr Entry kEntries[] = {
      {"PodExecOptions", "command", "command-Py3eQybp"},
      {"PodExecOptions", "container", "container-i5dOmRiM"},
      {"PodExecOptions", "stderr", "stderr-W_1TNlWc"},
      {"PodExecOptions", "stdin", "stdin-PSzNhyUC"},
      {"PodExecOptions", "stdout", "stdout--EZLRwV1"},
      {"PodExecOptions", "tty", "tty-s0flW37O"},
      {"PodAttachOptions", "container", "container-_Q-EJ3nR"},
      {"PodAttachOptions", "stderr", "stderr-26jJhFUR"},
      {"PodAttachOptions", "stdin", "stdin-sEFnN3IS"},
      {"PodAttachOptions", "stdout", "stdout-005YMKE6"},
      {"PodAttachOptions", "tty", "tty-g7MlET_l"},
      {"PodPortForwardOptions", "ports", "ports-91KROJmm"},
      {"PodProxyOptions", "path", "path-oPbzgLUj"},
      {"ServiceProxyOptions", "path", "path-QCf0eosM"},
      {"NodeProxyOptions", "path", "path-rFDtV0x9"},
      {"PodLogOptions", "container", "container-1GeXxFDC"},
      {"PodLogOptions", "follow", "follow-9OIXh_2R"},
      {"PodLogOptions", "insecureSkipTLSVerifyBackend", "insecureSkipTLSVerifyBackend-gM00jVbe"},
      {"PodLogOptions", "limitBytes", "limitBytes-zwd1RXuc"},
      {"PodLogOptions", "previous", "previous-1jxDPu3y"},
      {"PodLogOptions", "sinceSeconds", "sinceSeconds-vE2NLdnP"},
      {"PodLogOptions", "stream", "stream-l-48cgXv"},
      {"PodLogOptions", "tailLines", "tailLines-9xQLWHMV"},
      {"PodLogOptions", "timestamps", "timestamps-c17fW1w_"},
  };
  for (const auto& entry : kEntries) {
    if (entry.kind == kind && entry.name == name) return entry.shared;
  }
  return "";
}

std::string_view typeOf(api::FieldType type) {
  switch (type) {
    case api::FieldType::Bool:
      return "boolean";
    case api::FieldType::Int32:
    case api::FieldType::Int64:
      return "integer";
    default:
      return "string";
  }
}

}  // namespace

Parameter prettyParameter() {
  return query("pretty", "string", "pretty-tJGM1-ng", "true: lines and spaces for people.");
}

Parameter namespaceParameter() {
  return {"namespace", "path", "string", "The namespace of the objects.", "namespace-vgWSWtn3"};
}

Parameter nameParameter(std::string_view kind) {
  return {"name", "path", "string", "name of the " + std::string(kind), ""};
}

Parameter pathParameter() {
  return {"path", "path", "string", "path to the resource", "path-z6Ciiujn"};
}

std::vector<Parameter> listParameters() {
  return {
      query("allowWatchBookmarks", "boolean", "allowWatchBookmarks-HC2hJt-J",
            "A watch may send events of type BOOKMARK."),
      query("continue", "string", "continue-QfD61s0i",
            "The token of the page before, to go on from."),
      query("fieldSelector", "string", "fieldSelector-xIcQKXFG", "Only objects with these fields."),
      query("labelSelector", "string", "labelSelector-5Zw57w4C", "Only objects with these labels."),
      query("limit", "integer", "limit-1NfNmdNH", "The most objects to answer with in one page."),
      query("resourceVersion", "string", "resourceVersion-5WAnf1kx",
            "The version to list or to watch from."),
      query("resourceVersionMatch", "string", "resourceVersionMatch-t8XhRHeC",
            "How resourceVersion is meant: Exact or NotOlderThan."),
      query("sendInitialEvents", "boolean", "sendInitialEvents-rLXlEK_k",
            "A watch begins with the objects there are, then a bookmark."),
      query("shardSelector", "string", "shardSelector-Kgyki_3_", "Only objects of this shard."),
      query("timeoutSeconds", "integer", "timeoutSeconds-yvYezaOC", "The longest the call lasts."),
      query("watch", "boolean", "watch-XNNPZGbK", "Changes as they happen instead of a list."),
  };
}

std::vector<Parameter> deleteParameters() {
  return {
      dryRun(),
      query("gracePeriodSeconds", "integer", "gracePeriodSeconds--K5HaBOS",
            "How long the object may take to end; 0: none."),
      query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
            "ignoreStoreReadErrorWithClusterBreakingPotential-QbNkfIqj",
            "Deletes an object that cannot be read from the store."),
      query("orphanDependents", "boolean", "orphanDependents-uRB25kX5",
            "Deprecated: use propagationPolicy."),
      query("propagationPolicy", "string", "propagationPolicy-6jk3prlO",
            "What becomes of dependents: Orphan, Background or Foreground."),
  };
}

std::vector<Parameter> deleteCollectionParameters() {
  std::vector<Parameter> out = deleteParameters();
  std::ranges::copy_if(listParameters(), std::back_inserter(out), [](const Parameter& parameter) {
    return parameter.name != "watch" && parameter.name != "allowWatchBookmarks";
  });
  return out;
}

std::vector<Parameter> writeParameters() {
  return {dryRun(),
          query("fieldManager", "string", "fieldManager-Qy4HdaTW", "Who makes the change."),
          query("fieldValidation", "string", "",
                "What to do about unknown and duplicate fields: Ignore, Warn or Strict.")};
}

std::vector<Parameter> patchParameters() {
  std::vector<Parameter> out = writeParameters();
  for (auto& parameter : out) {
    if (parameter.name != "fieldManager") continue;
    parameter.shared = "fieldManager-7c6nTn1T";
    parameter.description = "Who makes the change; required of apply patches.";
  }
  out.push_back(query("force", "boolean", "force-tOGGb0Yi",
                      "Apply patches take fields over from other managers."));
  return out;
}

std::vector<Parameter> optionsParameters(std::string_view kind) {
  std::vector<Parameter> out;
  const api::MessageInfo* info = api::findKind("", "v1", kind);
  if (!info) info = api::findMessage("k8s.io.api.core.v1." + std::string(kind));
  if (!info) return out;
  for (const auto& member : info->jsonMembers) {
    const std::string_view name = member.field->name;
    // Not a parameter upstream, though it is a field.
    if (kind == "PodLogOptions" && name == "sinceTime") continue;
    out.push_back(query(name, typeOf(member.field->type), sharedOption(kind, name), name));
  }
  return out;
}

}  // namespace coxswain::apiserver::openapi
