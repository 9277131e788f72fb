#include <algorithm>

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/schema_document.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "cli/printers/object_printer.h"
#include "cli/resources/builder.h"

namespace coxswain::cli {

namespace {

constexpr int kDepthMax = 40;
constexpr size_t kWidth = 76;
constexpr size_t kWidthV2 = 80;  // indentation included

/// Text broken at blanks, each line with `indent` blanks in front.
std::string wrapped(std::string_view text, size_t indent, size_t width = kWidth) {
  std::string out;
  for (const auto& paragraph : splitAt(text, '\n')) {
    std::string line;
    for (const auto& word : splitAt(paragraph, ' ')) {
      if (!line.empty() && line.size() + 1 + word.size() > width) {
        out += std::string(indent, ' ') + line + "\n";
        line.clear();
      }
      if (!line.empty()) line += " ";
      line += word;
    }
    out += std::string(indent, ' ') + line + "\n";
  }
  return out;
}

class Explain final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    flags.boolean(&recursive_, "recursive", 0, "All fields below, with their types only.");
    flags.text(&apiVersion_, "api-version", 0, "Of this version: apps/v1.");
    flags.text(&output_, "output", 'o', "plaintext or plaintext-openapiv2.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    const bool v2 = output_ == "plaintext-openapiv2";
    if (!v2 && output_ != "plaintext") {
      co_return fault("unrecognized format: " + output_);
    }
    if (words.empty()) {
      session.error(
          "error: You must specify the type of resource to explain. Use \"kubectl "
          "api-resources\" for a complete list of supported resources.\n");
      session.exitCode(1);
      co_return Status();
    }
    if (words.size() > 1) {
      co_return fault("We accept only this format: explain RESOURCE");
    }
    CO_TRY(auto* mapper, co_await session.mapper());
    auto found = find(*mapper, words[0]);
    if (!found.ok() && found.status().message().starts_with("the server doesn't have")) {
      // The one failure that stands without "error:".
      session.error(found.status().message() + "\n");
      session.exitCode(1);
      co_return Status();
    }
    if (!found.ok()) co_return found.status();
    const auto* resource = found->first;
    CO_TRY(auto* rest, session.rest());
    client::RestRequest request;
    request.path = v2 ? "/openapi/v2"
                      : "/openapi/v3/" + std::string(resource->group.empty() ? "api/" : "apis/") +
                            resource->apiVersion();
    request.headers.add("Accept", "application/json");
    auto answer = co_await rest->call(std::move(request), {});
    if (isNotFound(answer.status())) {
      co_return fault("couldn't find resource for " +
                      api::goQuote(resource->apiVersion() + ", Kind=" + resource->kind));
    }
    if (!answer.ok()) co_return answer.status();
    auto parsed = api::parseJsonValue(answer->body);
    if (!parsed.ok()) co_return asFault(parsed.status());
    SchemaDocument document(std::move(*parsed), v2);
    std::string text;
    Status explained = v2 ? explainV2(document, *resource, found->second, text)
                          : explain(document, *resource, found->second, text);
    session.out().write(text);
    co_return explained;
  }

 private:
  using Path = std::vector<std::string>;

  /// "pods.spec.containers", "deployments.apps.spec": the longest type that is known, then fields.
  Result<std::pair<const ApiResource*, Path>> find(const Mapper& mapper,
                                                   const std::string& word) const {
    auto parts = splitAt(word, '.');
    while (!parts.empty() && parts.back().empty()) parts.pop_back();
    for (size_t take = parts.size(); take > 0; --take) {
      auto name = joined({parts.begin(), parts.begin() + static_cast<ptrdiff_t>(take)}, ".");
      auto resource = mapper.byName(name);
      if (!resource.ok()) continue;
      // "pods.s": a group that merely begins so is not meant.
      if (take > 1 && name != (*resource)->qualified() &&
          !name.ends_with("." + (*resource)->group)) {
        continue;
      }
      const auto* chosen = *resource;
      if (!apiVersion_.empty()) {
        chosen = mapper.byKind(apiVersion_, chosen->kind);
        if (!chosen)
          return fault("couldn't find resource for " +
                       api::goQuote(apiVersion_ + ", Kind=" + (*resource)->kind));
      }
      return std::pair(chosen, Path(parts.begin() + static_cast<ptrdiff_t>(take), parts.end()));
    }
    TRY(auto ignored, mapper.byName(parts.empty() ? word : parts[0]));
    return fault("unknown resource " + ignored->plural);
  }

  /// What was found before a failure is in `out` too.
  Status explain(const SchemaDocument& document, const ApiResource& resource, const Path& path,
                 std::string& out) const {
    const auto* schema = document.ofKind(resource.group, resource.version, resource.kind);
    if (!schema) {
      return fault("GVR (" + resource.apiVersion() + ", Resource=" + resource.plural +
                   ") not found in OpenAPI schema");
    }
    if (!resource.group.empty()) out += "GROUP:      " + resource.group + "\n";
    out += "KIND:       " + resource.kind + "\nVERSION:    " + resource.version + "\n\n";
    const json::value* field = nullptr;
    for (const auto& name : path) {
      const auto* parent = document.structOf(field ? field : schema);
      field = parent ? at(*parent, {"properties", name}) : nullptr;
      if (!field) return fault("field " + api::goQuote(name) + " does not exist");
    }
    const auto* here = field ? field : schema;
    if (field) {
      out += "FIELD: " + path.back() + " <" + document.typeOf(*field) + ">\n";
      const auto* target = document.resolve(field);
      const auto& values = arrayAt(target ? *target : *field, {"enum"});
      if (!values.empty()) {
        out += "ENUM:\n";
        for (const auto& value : values) out += "    " + plainText(value) + "\n";
        out += "\n";
      } else {
        out += "\n\n";
      }
    }
    out += "DESCRIPTION:\n" + descriptionOf(document, here);
    const auto* body = document.structOf(here);
    if (body && !objectAt(*body, {"properties"}).empty()) {
      out += "FIELDS:\n" + fields(document, *body, 1, {});
    }
    out += "\n";
    return {};
  }

  /// The older form: other widths and headings, types of fields without their names.
  Status explainV2(const SchemaDocument& document, const ApiResource& resource, const Path& path,
                   std::string& out) const {
    const auto* schema = document.ofKind(resource.group, resource.version, resource.kind);
    if (!schema) {
      return fault("couldn't find resource for \"" + resource.apiVersion() +
                   ", Kind=" + resource.kind + "\"");
    }
    const json::value* field = nullptr;
    for (const auto& name : path) {
      const auto* parent = document.structOf(field ? field : schema);
      field = parent ? at(*parent, {"properties", name}) : nullptr;
      if (!field) return fault("field " + api::goQuote(name) + " does not exist");
    }
    out += "KIND:     " + resource.kind + "\nVERSION:  " + resource.apiVersion() + "\n\n";
    const auto* here = field ? field : schema;
    const auto* body = document.structOf(here);
    const bool hasFields = body && !objectAt(*body, {"properties"}).empty();
    if (field) {
      out += (hasFields ? "RESOURCE: " : "FIELD:    ") + path.back() + " <" +
             document.plainTypeOf(*field) + ">\n\n";
    }
    out += "DESCRIPTION:\n";
    const auto own = textAt(*here, {"description"});
    const auto more = body && body != here ? textAt(*body, {"description"}) : std::string();
    if (!own.empty()) out += wrapped(own, 5, kWidthV2 - 5);
    if (!more.empty()) out += (own.empty() ? "" : "\n") + wrapped(more, 5, kWidthV2 - 5);
    if (own.empty() && more.empty()) out += "     <empty>\n";
    if (!hasFields) return {};
    out += "\nFIELDS:\n" + fieldsV2(document, *body, 3, {});
    return {};
  }

  std::string fieldsV2(const SchemaDocument& document, const json::value& body, size_t indent,
                       std::vector<const json::value*> above) const {
    above.push_back(&body);
    std::vector<std::string> names;
    for (const auto& member : objectAt(body, {"properties"})) names.emplace_back(member.key());
    std::ranges::sort(names);
    const auto& required = arrayAt(body, {"required"});
    std::string out;
    for (const auto& name : names) {
      const auto& field = *at(body, {"properties", name});
      out += std::string(indent, ' ') + name + "\t<" + document.plainTypeOf(field) + ">";
      if (recursive_) {
        out += "\n";
        const auto* inner = document.structOf(&field);
        const bool loops = std::ranges::find(above, inner) != above.end();
        if (inner && !loops && indent < 3 * kDepthMax) {
          out += fieldsV2(document, *inner, indent + 3, above);
        }
        continue;
      }
      const bool needed = std::ranges::any_of(
          required, [&](const json::value& one) { return plainText(one) == name; });
      out += needed ? " -required-\n" : "\n";
      const auto description = textAt(field, {"description"});
      if (!description.empty()) out += wrapped(description, indent + 2, kWidthV2 - indent - 2);
      out += "\n";
    }
    return out;
  }

  static std::string descriptionOf(const SchemaDocument& document, const json::value* schema) {
    std::string out;
    auto own = textAt(*schema, {"description"});
    if (!own.empty()) out += wrapped(own, 4);
    const auto* target = document.structOf(schema);
    auto more = target && target != schema ? textAt(*target, {"description"}) : std::string();
    if (!more.empty()) out += wrapped(more, 4);
    return out.empty() ? "    <empty>\n" : out + "    \n";
  }

  std::string fields(const SchemaDocument& document, const json::value& body, int level,
                     std::vector<const json::value*> above) const {
    std::string out;
    above.push_back(&body);
    std::vector<std::string> names;
    for (const auto& member : objectAt(body, {"properties"})) {
      names.emplace_back(member.key().data(), member.key().size());
    }
    std::ranges::sort(names);
    const auto& required = arrayAt(body, {"required"});
    const std::string indent(static_cast<size_t>(level) * 2, ' ');
    for (const auto& name : names) {
      const auto& field = *at(body, {"properties", name});
      const bool needed = std::ranges::any_of(
          required, [&](const json::value& one) { return plainText(one) == name; });
      out += indent + name + "\t<" + document.typeOf(field) + ">" + (needed ? " -required-" : "") +
             "\n";
      const auto* target = document.resolve(&field);
      std::vector<std::string> values;
      for (const auto& value : arrayAt(target ? *target : field, {"enum"})) {
        auto text = plainText(value);
        values.push_back(text.empty() ? "\"\"" : std::move(text));
      }
      constexpr size_t kValuesMax = 4;
      const bool more = values.size() > kValuesMax;
      if (more) values.resize(kValuesMax);
      if (!values.empty()) {
        out += indent + "enum: " + joined(values, ", ") + (more ? ", ...." : "") + "\n";
      }
      if (recursive_) {
        const auto* inner = document.structOf(&field);
        const bool loops = std::ranges::find(above, inner) != above.end();
        if (inner && !loops && level < kDepthMax) out += fields(document, *inner, level + 1, above);
        continue;
      }
      auto description = textAt(field, {"description"});
      out += description.empty() ? indent + "  <no description>\n"
                                 : wrapped(description, indent.size() + 2);
      out += "\n";
    }
    return out;
  }

  bool recursive_ = false;
  std::string apiVersion_;
  std::string output_ = "plaintext";
};

}  // namespace

Command explainCommand() {
  Command command;
  command.name = "explain";
  command.usage = "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [options]";
  command.summary = "Get documentation for a resource";
  command.examples = "  kubectl explain pods\n\n  kubectl explain pods.spec.containers\n";
  command.group = "Basic Commands (Intermediate)";
  command.make = makeVerb<Explain>;
  return command;
}

}  // namespace coxswain::cli
