#include "dns/name.h"

#include <fmt/format.h>

#include "base/text.h"

namespace coxswain::dns {
namespace {

constexpr size_t kLabelMax = 63;
constexpr size_t kNameMax = 255;

bool equalLabel(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lowerCase(a[i]) != lowerCase(b[i])) return false;
  }
  return true;
}

void addEscaped(std::string& out, std::string_view label) {
  for (char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '.' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte <= 0x20 || byte >= 0x7f) {
      out += fmt::format("\\{:03}", byte);
    } else {
      out += c;
    }
  }
}

}  // namespace

std::optional<Name> Name::fromLabels(std::vector<std::string> labels) {
  Name name;
  name.labels_ = std::move(labels);
  for (const auto& label : name.labels_) {
    if (label.empty() || label.size() > kLabelMax) return std::nullopt;
  }
  if (name.wireSize() > kNameMax) return std::nullopt;
  return name;
}

std::optional<Name> Name::parse(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::vector<std::string> labels;
  while (!text.empty()) {
    const auto dot = text.find('.');
    labels.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
    if (text.empty()) return std::nullopt;
  }
  return fromLabels(std::move(labels));
}

size_t Name::wireSize() const {
  size_t size = 1;
  for (const auto& label : labels_) size += 1 + label.size();
  return size;
}

std::string Name::text() const {
  if (labels_.empty()) return ".";
  std::string out;
  for (const auto& label : labels_) {
    addEscaped(out, label);
    out += '.';
  }
  return out;
}

std::string Name::key() const {
  return lowerCase(text());
}

bool Name::operator==(const Name& other) const {
  return labels_.size() == other.labels_.size() && endsWith(other);
}

bool Name::endsWith(const Name& zone) const {
  if (labels_.size() < zone.labels_.size()) return false;
  const auto skip = labels_.size() - zone.labels_.size();
  for (size_t i = 0; i < zone.labels_.size(); ++i) {
    if (!equalLabel(labels_[skip + i], zone.labels_[i])) return false;
  }
  return true;
}

std::vector<std::string> Name::below(const Name& zone) const {
  std::vector<std::string> out;
  for (size_t i = 0; i + zone.labels_.size() < labels_.size(); ++i)
    out.push_back(lowerCase(labels_[i]));
  return out;
}

std::optional<Name> Name::under(std::vector<std::string> labels) const {
  labels.insert(labels.end(), labels_.begin(), labels_.end());
  return fromLabels(std::move(labels));
}

}  // namespace coxswain::dns
