#include "apiserver/tables/table.h"

#include <algorithm>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/object.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver {
namespace {

using api::MessageInfo;
using api::meta::v1::ListMeta;
using api::meta::v1::ObjectMeta;
using api::meta::v1::Table;
using api::meta::v1::TableRow;
using tables::Column;
using tables::Printer;

constexpr Column kDefaultColumns[] = {tables::kName, {"Created At", "date"}};

/// Every printer there is, sorted by type.
const std::vector<Printer>& printers() {
  static const std::vector<Printer> all = [] {
    std::vector<Printer> out;
    for (auto group :
         {tables::podPrinters(), tables::corePrinters(), tables::appsPrinters(),
          tables::batchPrinters(), tables::networkPrinters(), tables::storagePrinters(),
          tables::autoscalingPrinters(), tables::policyPrinters(), tables::miscPrinters(),
          tables::metricsPrinters()}) {
      out.insert(out.end(), group.begin(), group.end());
    }
    std::ranges::sort(out, std::less<>(), &Printer::info);
    return out;
  }();
  return all;
}

const Printer* findPrinter(const MessageInfo& info) {
  const auto& all = printers();
  auto found = std::ranges::lower_bound(all, &info, std::less<>(), &Printer::info);
  return found != all.end() && found->info == &info ? &*found : nullptr;
}

/// Types without a printer: whoever has ObjectMeta has a name and a birthday.
void printDefault(const ObjectMeta* metadata, tables::Row& row) {
  if (!metadata) return;
  row.text(metadata->name);
  row.text(api::formatRfc3339(metadata->creationTimestamp.unix(), 0, 0));
}

std::string metadataObject(const ObjectMeta& metadata) {
  api::meta::v1::PartialObjectMetadata partial;
  partial.metadata = metadata;
  return api::encodeJson(partial,
                         {.apiVersion = "meta.k8s.io/v1", .kind = "PartialObjectMetadata"});
}

void addRow(const MessageInfo& info, const void* object, const Printer* printer,
            const TableOptions& options, Table& table) {
  TableRow& out = table.rows.emplace_back();
  tables::Row row(out, options.now);
  const ObjectMeta* metadata = api::objectMeta(info, object);
  if (printer) {
    printer->print(object, row);
  } else {
    printDefault(metadata, row);
  }
  if (options.includeObject == IncludeObject::Object) {
    api::encodeJson(info, object, out.object.raw,
                    {.apiVersion = options.apiVersion, .kind = options.kind});
  } else if (options.includeObject == IncludeObject::Metadata && metadata) {
    out.object.raw = metadataObject(*metadata);
  }
}

void addColumns(const Printer* printer, Table& table) {
  const std::span<const Column> columns = printer ? printer->columns : kDefaultColumns;
  for (const Column& column : columns) {
    auto& out = table.columnDefinitions.emplace_back();
    out.name = column.name;
    out.type = column.type;
    out.format = column.format;
    out.priority = column.priority;
  }
}

/// `items` of a list kind; null: it has none.
const api::FieldInfo* itemsField(const MessageInfo& info) {
  for (const auto& field : info.fields) {
    if (field.name == "items" && field.shape == api::Shape::Vector && field.message) return &field;
  }
  return nullptr;
}

}  // namespace

Result<IncludeObject> parseIncludeObject(std::string_view text) {
  if (text.empty() || text == "Metadata") return IncludeObject::Metadata;
  if (text == "None") return IncludeObject::None;
  if (text == "Object") return IncludeObject::Object;
  return badRequest("unrecognized includeObject value: \"" + std::string(text) + "\"");
}

Table toTable(const MessageInfo& info, std::span<const void* const> objects, const ListMeta* list,
              const TableOptions& options) {
  Table table;
  if (list) {
    table.metadata.resourceVersion = list->resourceVersion;
    table.metadata.continue_ = list->continue_;
    table.metadata.remainingItemCount = list->remainingItemCount;
  }
  const Printer* printer = findPrinter(info);
  if (options.columns) addColumns(printer, table);
  table.rows.reserve(objects.size());
  for (const void* object : objects) addRow(info, object, printer, options, table);
  return table;
}

Table toTable(const MessageInfo& info, const void* object, const TableOptions& options) {
  const bool isList = info.kind && info.kind->isList;
  const api::FieldInfo* items = isList ? itemsField(info) : nullptr;
  if (items) {
    const void* container = items->in(object);
    std::vector<const void*> objects(items->container->size(container));
    for (size_t i = 0; i < objects.size(); ++i) objects[i] = items->container->at(container, i);
    return toTable(*items->message, objects, api::listMeta(info, object), options);
  }
  ListMeta list;
  if (const ObjectMeta* metadata = api::objectMeta(info, object)) {
    list.resourceVersion = metadata->resourceVersion;
  } else if (const ListMeta* own = api::listMeta(info, object)) {
    list.resourceVersion = own->resourceVersion;
  }
  const void* const one[] = {object};
  return toTable(info, one, &list, options);
}

}  // namespace coxswain::apiserver
