#include <memory>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"

using namespace coxswain;             // NOLINT
using namespace coxswain::apiserver;  // NOLINT

namespace {

using Data = std::unique_ptr<void, void (*)(void*)>;

/// As a request's body: decoded and with defaults. Null: it is not of the kind.
Data decoded(const Resource& row, std::string_view json) {
  Data object(row.info->create(), row.info->destroy);
  if (!api::decodeJson(*row.info, json, object.get()).ok()) return {nullptr, row.info->destroy};
  row.strategy->setDefaults(object.get());
  return object;
}

void create(const Resource& row, void* object) {
  auto& meta = metaOf(*row.info, object);
  prepareMetaForCreate(meta, row.strategy->traits());
  fillSystemFields(meta, api::Time::fromUnix(1600000000), "uid");
  if (row.namespaced && meta.namespace_.empty()) meta.namespace_ = "ns";
  const std::string user = "u";
  row.strategy->prepareForCreate(object);
  row.strategy->stamp(object, nullptr, {user, user, {}, {}, api::Time::fromUnix(1600000000)});
  api::FieldErrors errors;
  validateObjectMeta(meta, row.namespaced, *row.strategy, api::FieldPath("metadata"), errors);
  row.strategy->validate(object, errors);
  std::vector<std::string> warnings;
  row.strategy->warnings(object, nullptr, warnings);
  api::FieldSet fields;
  row.strategy->selectableFields(object, fields);
  (void)row.strategy->gracePeriod(object, std::nullopt);
  (void)errors.toStatus(row.qualifiedKind(), meta.name);
}

void update(const Resource& row, const Strategy& strategy, const void* wanted, const void* current,
            bool status) {
  const Data next(row.info->create(), row.info->destroy);
  row.info->assign(next.get(), wanted);
  auto& meta = metaOf(*row.info, next.get());
  prepareMetaForUpdate(meta, metaOf(*row.info, current));
  if (status) {
    strategy.prepareForStatusUpdate(next.get(), current);
  } else {
    strategy.prepareForUpdate(next.get(), current);
    growGeneration(strategy, next.get(), current);
  }
  const std::string user = "u";
  strategy.stamp(next.get(), current, {user, user, {}, {}, api::Time::fromUnix(1600000000)});
  api::FieldErrors errors;
  validateObjectMetaUpdate(meta, metaOf(*row.info, current), strategy.traits(),
                           api::FieldPath("metadata"), errors);
  if (status) {
    strategy.validateStatusUpdate(next.get(), current, errors);
  } else {
    strategy.validateUpdate(next.get(), current, errors);
  }
  std::vector<std::string> warnings;
  strategy.warnings(next.get(), current, warnings);
}

void convert(const Resource& row, const void* object) {
  if (!row.toStorage) return;
  const Data stored(row.storageInfo->create(), row.storageInfo->destroy);
  const Data back(row.info->create(), row.info->destroy);
  row.toStorage(object, stored.get());
  row.fromStorage(stored.get(), back.get());
}

}  // namespace

// A line with the kind's plural (or any text, which then picks one), then one or two objects in
// JSON, apart by a zero byte: created, and the first changed into the second, through every
// endpoint.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto take = [&text](char end) {
    auto part = text.substr(0, text.find(end));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  const auto plural = take('\n');
  const auto rows = resources();
  const Resource* row = nullptr;
  size_t sum = 0;
  for (char c : plural) sum = sum * 31 + static_cast<uint8_t>(c);
  for (const auto& each : rows) {
    if (each.plural == plural) row = &each;
  }
  if (!row) row = &rows[sum % rows.size()];
  auto current = decoded(*row, take('\0'));
  if (!current) return 0;
  const auto next = decoded(*row, text);
  create(*row, current.get());
  convert(*row, current.get());
  const void* wanted = next ? next.get() : current.get();
  update(*row, *row->strategy, wanted, current.get(), false);
  if (row->findSubresource("status")) {
    update(*row, *row->strategy, wanted, current.get(), true);
  }
  for (const auto& [name, strategy] : row->subresourceStrategies) {
    update(*row, *strategy, wanted, current.get(), false);
  }
  return 0;
}
