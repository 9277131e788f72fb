#include "apiserver/generic/object_header.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace coxswain::apiserver {

namespace {
std::string_view textOf(const api::FieldSet& fields, std::string_view name) {
  const auto at = std::ranges::find(fields, name, &api::FieldSet::value_type::first);
  return at == fields.end() ? std::string_view() : std::string_view(at->second);
}
}  // namespace

ObjectHeader::ObjectHeader(std::string_view nsOf, std::string_view nameOf, api::Labels labelsOf,
                           std::span<const std::string_view> names, const api::FieldSet& fields)
    : ns(nsOf), name(nameOf), labels(std::move(labelsOf)), names_(names) {
  if (names.empty()) return;
  size_t size = names.size() * sizeof(uint32_t);
  for (const auto& each : names) size += textOf(fields, each).size();
  texts_ = std::make_unique_for_overwrite<char[]>(size);
  auto end = static_cast<uint32_t>(names.size() * sizeof(uint32_t));
  for (size_t i = 0; i < names.size(); ++i) {
    const auto text = textOf(fields, names[i]);
    std::copy(text.begin(), text.end(), texts_.get() + end);
    end += static_cast<uint32_t>(text.size());
    std::memcpy(texts_.get() + i * sizeof(end), &end, sizeof(end));
  }
}

std::string_view ObjectHeader::field(std::string_view wanted) const {
  if (wanted == "metadata.name") return name;
  if (wanted == "metadata.namespace") return ns;
  const auto at = std::ranges::find(names_, wanted);
  if (at == names_.end()) return {};
  const auto endOf = [this](size_t index) {
    uint32_t end = 0;
    std::memcpy(&end, texts_.get() + index * sizeof(end), sizeof(end));
    return end;
  };
  const auto index = static_cast<size_t>(at - names_.begin());
  const auto begin =
      index == 0 ? static_cast<uint32_t>(names_.size() * sizeof(uint32_t)) : endOf(index - 1);
  return {texts_.get() + begin, endOf(index) - begin};
}

bool ObjectHeader::matches(const api::FieldSelector& selector) const {
  return std::ranges::all_of(selector.requirements(), [this](const auto& requirement) {
    return (field(requirement.field) == requirement.value) == requirement.equals;
  });
}

}  // namespace coxswain::apiserver
