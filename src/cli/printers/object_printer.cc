#include "cli/printers/object_printer.h"

#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/yaml/yaml.h"
#include "base/text.h"
#include "cli/framework/errors.h"
#include "cli/printers/custom_columns.h"
#include "cli/printers/go_template.h"
#include "cli/printers/jsonpath.h"
#include "cli/printers/kyaml.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

namespace {

class JsonPrinter final : public ObjectPrinter {
 public:
  Result<std::string> print(const json::value& object) override { return prettyJson(object); }
};

class YamlPrinter final : public ObjectPrinter {
 public:
  Result<std::string> print(const json::value& object) override {
    std::string out = first_ ? "" : "---\n";
    first_ = false;
    api::valueToYaml(object, out);
    return out;
  }

 private:
  bool first_ = true;
};

class KyamlPrinter final : public ObjectPrinter {
 public:
  Result<std::string> print(const json::value& object) override { return toKyaml(object); }
};

class TemplatePrinter final : public ObjectPrinter {
 public:
  explicit TemplatePrinter(GoTemplate parsed) : template_(std::move(parsed)) {}
  Result<std::string> print(const json::value& object) override {
    auto printed = template_.execute(object);
    if (printed.ok()) return printed;
    return fault("error executing template " + api::goQuote(template_.text()) + ": " +
                 printed.status().message());
  }

 private:
  GoTemplate template_;
};

class NamePrinter final : public ObjectPrinter {
 public:
  Result<std::string> print(const json::value& object) override {
    std::string out;
    if (isList(object)) {
      for (const auto& item : arrayAt(object, {"items"})) out += typeAndName(item) + "\n";
      return out;
    }
    return typeAndName(object) + "\n";
  }
  [[nodiscard]] bool eachAlone() const override { return true; }
};

class JsonPathPrinter final : public ObjectPrinter {
 public:
  JsonPathPrinter(JsonPath path, bool asJson) : path_(std::move(path)), asJson_(asJson) {}
  Result<std::string> print(const json::value& object) override {
    if (!asJson_) {
      auto printed = path_.print(object);
      if (printed.ok()) return printed;
      return fault("error executing jsonpath: " + printed.status().message());
    }
    TRY(auto found, path_.find(object));
    json::array values;
    for (const auto& action : found.actions) {
      for (const auto* value : action) values.push_back(*value);
    }
    return prettyJson(values);
  }

 private:
  JsonPath path_;
  bool asJson_;
};

std::string oneLine(std::string_view text, std::string_view prefix) {
  return std::string(text.substr(prefix.size()));
}

/// The template: behind "=" in -o, or --template, or the file so named.
Result<std::string> templateOf(const PrintFlags& flags, std::string_view format, bool file) {
  std::string text;
  auto withEqual = std::string(format) + "=";
  if (flags.output.starts_with(withEqual)) {
    text = oneLine(flags.output, withEqual);
  } else {
    text = flags.templateText;
  }
  if (text.empty()) {
    return fault("template format specified but no template given");
  }
  if (!file) return text;
  auto read = client::readWholeFile(text);
  if (!read.ok()) return asFault(read.status());
  return read;
}

}  // namespace

void PrintFlags::declare(FlagSet& flags, std::string_view formats) {
  auto text = "Output format. One of: " +
              std::string(formats.empty() ? "(json, yaml, kyaml, name, go-template, "
                                            "go-template-file, jsonpath, "
                                            "jsonpath-as-json, jsonpath-file)"
                                          : formats) +
              ".";
  flags.text(&output, "output", 'o', std::move(text));
  flags.text(&templateText, "template", 0, "Template text, or file, of the formats that take one.");
  flags.boolean(&showManagedFields, "show-managed-fields", 0,
                "Keep metadata.managedFields in JSON and YAML.");
}

std::string prettyJson(const json::value& object) {
  std::string two;
  api::writeJsonValue(object, two, true);
  std::string out;
  out.reserve(two.size() + two.size() / 2);
  bool leading = true;
  for (char c : two) {
    if (c == '\n') {
      leading = true;
    } else if (leading && c == ' ') {
      out.push_back(' ');
    } else {
      leading = false;
    }
    out.push_back(c);
  }
  if (!out.ends_with('\n')) out.push_back('\n');
  return out;
}

void dropManagedFields(json::value& object) {
  auto* top = object.if_object();
  if (!top) return;
  if (auto* meta = top->if_contains("metadata"); meta && meta->is_object()) {
    meta->get_object().erase("managedFields");
  }
  if (isList(object)) {
    if (auto* items = top->if_contains("items")->if_array()) {
      for (auto& item : *items) dropManagedFields(item);
    }
  }
}

std::string typeAndName(const json::value& object) {
  auto kind = lowerCase(kindOf(object));
  auto group = splitApiVersion(apiVersionOf(object)).first;
  auto name = nameOf(object);
  if (name.empty()) name = "<unknown>";
  return kind + (group.empty() ? "" : "." + group) + "/" + name;
}

json::value listOf(std::vector<json::value> items) {
  json::array array;
  for (auto& item : items) array.push_back(std::move(item));
  json::object list;
  list.emplace("apiVersion", "v1");
  list.emplace("kind", "List");
  list.emplace("items", std::move(array));
  list.emplace("metadata", json::object{{"resourceVersion", ""}});
  return list;
}

Result<std::unique_ptr<ObjectPrinter>> makeObjectPrinter(const PrintFlags& flags) {
  const auto& output = flags.output;
  const auto name = output.substr(0, output.find('='));
  using Made = std::unique_ptr<ObjectPrinter>;
  if (output == "json") return Made(std::make_unique<JsonPrinter>());
  if (output == "yaml") return Made(std::make_unique<YamlPrinter>());
  if (output == "kyaml") return Made(std::make_unique<KyamlPrinter>());
  if (output == "name") return Made(std::make_unique<NamePrinter>());
  if (name == "jsonpath" || name == "jsonpath-file" || name == "jsonpath-as-json") {
    TRY(auto text, templateOf(flags, name, name == "jsonpath-file"));
    while (name == "jsonpath-file" && text.ends_with('\n')) text.pop_back();
    auto path = JsonPath::parse(text);
    if (!path.ok()) {
      return fault("error parsing jsonpath " + text + ", " + path.status().message());
    }
    return Made(std::make_unique<JsonPathPrinter>(std::move(*path), name == "jsonpath-as-json"));
  }
  const bool file = name == "go-template-file" || name == "templatefile";
  if (file || name == "go-template" || name == "template") {
    TRY(auto text, templateOf(flags, name, file));
    auto parsed = GoTemplate::parse(text);
    if (!parsed.ok()) {
      return fault("error parsing template " + text + ", " + parsed.status().message());
    }
    return Made(std::make_unique<TemplatePrinter>(std::move(*parsed)));
  }
  if (name == "custom-columns" || name == "custom-columns-file") {
    TRY(auto text, templateOf(flags, name, name.ends_with("file")));
    return makeCustomColumnsPrinter(text, name.ends_with("file"), !flags.noHeaders);
  }
  return fault("unable to match a printer suitable for the output format " + api::goQuote(output) +
               ", allowed formats are: custom-columns,custom-columns-file,go-template,"
               "go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,"
               "template,templatefile,wide,yaml");
}

}  // namespace coxswain::cli
