#include "cli/resources/builder.h"

#include <algorithm>

#include "api/names/quote.h"
#include "cli/framework/errors.h"
#include "cli/resources/files.h"

namespace coxswain::cli {

namespace {

constexpr const char* kMixedForms =
    "there is no need to specify a resource type as a separate argument when passing arguments in "
    "resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get "
    "resource resource/<resource_name>'";

bool hasSlash(const std::string& word) {
  return word.find('/') != std::string::npos;
}

Result<NamedResource> parseSlashed(const Mapper& mapper, const std::string& word) {
  auto parts = splitAt(word, '/');
  if (parts.size() != 2) {
    return fault("arguments in resource/name form may not have more than one slash");
  }
  if (parts[0].empty() || parts[1].empty() || parts[0].find(',') != std::string::npos) {
    return fault("arguments in resource/name form must have a single resource and name");
  }
  NamedResource one;
  TRY(one.resource, mapper.byName(parts[0]));
  one.names.push_back(std::move(parts[1]));
  return one;
}

}  // namespace

void Selection::declareFiles(FlagSet& flags, std::string_view verb) {
  flags.commaList(&files, "filename", 'f',
                  "File, folder or - (stdin) with the objects to " + std::string(verb) + ".");
  flags.boolean(&recursive, "recursive", 'R', "Read folders of -f with the folders below them.");
}

void Selection::declareSelectors(FlagSet& flags, bool fields) {
  flags.text(&labelSelector, "selector", 'l',
             "Label selector: key1=value1,key2!=value2,key3 in (a,b).");
  if (fields) {
    flags.text(&fieldSelector, "field-selector", 0, "Field selector: key1=value1,key2!=value2.");
  }
}

std::string Info::described() const {
  return resource->qualified() + " " + api::goQuote(name);
}

Result<std::vector<NamedResource>> parseWords(const Mapper& mapper,
                                              const std::vector<std::string>& words) {
  std::vector<NamedResource> out;
  if (words.empty()) return out;
  if (std::ranges::any_of(words, hasSlash)) {
    if (!std::ranges::all_of(words, hasSlash)) return fault(kMixedForms);
    for (const auto& word : words) {
      TRY(auto one, parseSlashed(mapper, word));
      one.single = words.size() == 1;
      // Names of one type in a row are one request for a table.
      out.push_back(std::move(one));
    }
    return out;
  }
  std::vector<const ApiResource*> resources;
  for (const auto& type : splitAt(words[0], ',')) {
    if (type.empty()) continue;
    TRY(auto found, mapper.byNameOrCategory(type));
    for (const auto* resource : found) {
      if (std::ranges::find(resources, resource) == resources.end()) resources.push_back(resource);
    }
  }
  for (const auto* resource : resources) {
    NamedResource one;
    one.resource = resource;
    one.single = resources.size() == 1;
    one.names.assign(words.begin() + 1, words.end());
    out.push_back(std::move(one));
  }
  return out;
}

Task<Result<std::vector<Info>>> readFiles(Session& session, const Selection& selection) {
  CO_TRY(auto documents, readDocuments(selection.files, selection.recursive, session.streams().in));
  CO_TRY(auto* mapper, co_await session.mapper());
  CO_TRY(auto ns, session.ns());
  std::vector<Info> out;
  std::string faults;
  for (auto& document : documents) {
    Info info;
    info.source = std::move(document.source);
    info.object = std::move(document.object);
    const auto kind = kindOf(info.object);
    const auto apiVersion = apiVersionOf(info.object);
    info.name = nameOf(info.object);
    info.resource = mapper->byKind(apiVersion, kind);
    if (!info.resource) {
      faults += (faults.empty() ? "" : "\n");
      faults += "resource mapping not found for name: " + api::goQuote(info.name) +
                " namespace: " + api::goQuote(namespaceOf(info.object)) + " from " +
                api::goQuote(info.source) + ": no matches for kind " + api::goQuote(kind) +
                " in version " + api::goQuote(apiVersion) + "\nensure CRDs are installed first";
      continue;
    }
    if (info.resource->namespaced) {
      info.ns = namespaceOf(info.object);
      if (info.ns.empty()) {
        info.ns = ns;
        makeObject(info.object, {"metadata"})["namespace"] = ns;
      } else if (session.namespaceGiven() && info.ns != ns) {
        co_return fault("the namespace from the provided object " + api::goQuote(info.ns) +
                        " does not match the namespace " + api::goQuote(ns) +
                        ". You must pass '--namespace=" + info.ns + "' to perform this operation.");
      }
    }
    out.push_back(std::move(info));
  }
  if (!faults.empty() && out.empty()) co_return fault(faults);
  if (!faults.empty()) session.fail(fault(faults));
  co_return std::move(out);
}

Status listFailure(const ApiResource& resource, const Selection& selection, const Status& failure) {
  if (failure.reason() != Reason::BadRequest && !isNotFound(failure)) return failure;
  const auto what = api::goQuote((resource.group.empty() ? "/" : resource.group + "/") +
                                 resource.version + ", Resource=" + resource.plural);
  if (selection.labelSelector.empty() && selection.fieldSelector.empty()) {
    return failure.withContext("Unable to list " + what);
  }
  return failure.withContext("Unable to find " + what + " that match label selector " +
                             api::goQuote(selection.labelSelector) + ", field selector " +
                             api::goQuote(selection.fieldSelector));
}

Task<Status> refresh(ObjectClient& client, Info& info) {
  CO_TRY(info.object, co_await client.get(*info.resource, info.ns, info.name));
  co_return Status();
}

namespace {

Task<Status> resolveNames(Session& session, ObjectClient& client, const Selection& selection,
                          const NamedResource& asked, std::string ns, bool fetch,
                          std::vector<Info>& out) {
  for (const auto& name : asked.names) {
    Info info;
    info.resource = asked.resource;
    info.ns = asked.resource->namespaced ? ns : "";
    info.name = name;
    if (fetch) {
      Status got = co_await refresh(client, info);
      if (isNotFound(got) && selection.ignoreNotFound) continue;
      if (isUnreachable(got)) co_return got;
      if (!got.ok()) {
        session.fail(got);
        continue;
      }
    }
    out.push_back(std::move(info));
  }
  co_return Status();
}

Task<Status> resolveList(ObjectClient& client, const Selection& selection,
                         const NamedResource& asked, std::string ns, std::vector<Info>& out) {
  ObjectListOptions options;
  options.labelSelector = selection.labelSelector;
  options.fieldSelector = selection.fieldSelector;
  options.limit = 500;
  auto answer =
      co_await client.list(*asked.resource, selection.allNamespaces ? "" : ns, std::move(options));
  if (!answer.ok()) co_return listFailure(*asked.resource, selection, answer.status());
  const auto& list = *answer;
  auto apiVersion = asked.resource->apiVersion();
  for (const auto& item : arrayAt(list, {"items"})) {
    Info info;
    info.resource = asked.resource;
    info.ns = namespaceOf(item);
    info.name = nameOf(item);
    info.object = item;
    if (auto* map = info.object.if_object()) {
      if (kindOf(info.object).empty()) (*map)["kind"] = asked.resource->kind;
      if (cli::apiVersionOf(info.object).empty()) (*map)["apiVersion"] = apiVersion;
    }
    out.push_back(std::move(info));
  }
  co_return Status();
}

}  // namespace

Task<Result<std::vector<Info>>> resolve(Session& session, const Selection& selection, bool fetch) {
  CO_TRY(auto* rest, session.rest());
  ObjectClient client(*rest);
  std::vector<Info> out;
  if (!selection.files.empty()) {
    if (!selection.words.empty()) {
      co_return fault(
          "when paths, URLs, or stdin is provided as input, you may not specify "
          "resource arguments as well");
    }
    CO_TRY(auto named, co_await readFiles(session, selection));
    for (auto& info : named) {
      if (fetch) {
        Status got = co_await refresh(client, info);
        if (isNotFound(got) && selection.ignoreNotFound) continue;
        if (!got.ok()) {
          session.fail(got);
          continue;
        }
      }
      out.push_back(std::move(info));
    }
    co_return std::move(out);
  }
  if (selection.words.empty()) {
    co_return fault(
        "You must provide one or more resources by argument or filename.\nExample "
        "resource specifications include:\n   '-f rsrc.yaml'\n   "
        "'--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'");
  }
  CO_TRY(auto* mapper, co_await session.mapper());
  CO_TRY(auto asked, parseWords(*mapper, selection.words));
  CO_TRY(auto ns, session.ns());
  const bool selecting =
      selection.all || !selection.labelSelector.empty() || !selection.fieldSelector.empty();
  for (const auto& one : asked) {
    if (!one.names.empty()) {
      if (selecting) {
        co_return fault(selection.all ? "name cannot be provided when --all is specified"
                                      : "name cannot be provided when a selector is specified");
      }
      CO_TRY_STATUS(co_await resolveNames(session, client, selection, one, ns, fetch, out));
    } else {
      if (!selecting) co_return fault("resource(s) were provided, but no name was specified");
      CO_TRY_STATUS(co_await resolveList(client, selection, one, ns, out));
    }
  }
  co_return std::move(out);
}

}  // namespace coxswain::cli
