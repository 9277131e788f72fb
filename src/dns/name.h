#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::dns {

/// A domain name: labels from left to right, bytes as they came (case kept). Compares without case.
/// At most 255 bytes on the wire, labels of 1 to 63; the root has none.
class Name {
 public:
  Name() = default;
  /// "web.default.svc.cluster.local", with or without the dot at the end. No escapes: a label may
  /// have any byte but the dot. Nullopt: too long, or an empty label.
  static std::optional<Name> parse(std::string_view text);
  /// From labels that were checked; nullopt as above.
  static std::optional<Name> fromLabels(std::vector<std::string> labels);

  [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
  [[nodiscard]] size_t size() const { return labels_.size(); }
  /// Bytes on the wire, uncompressed.
  [[nodiscard]] size_t wireSize() const;
  /// "web.default.", "." for the root; bytes that are no printable ASCII, dots and backslashes are
  /// escaped.
  [[nodiscard]] std::string text() const;
  /// The same in lower case: a key that is equal where names are.
  [[nodiscard]] std::string key() const;
  [[nodiscard]] bool endsWith(const Name& zone) const;
  /// Labels before `zone`, in lower case; the name must end with it.
  [[nodiscard]] std::vector<std::string> below(const Name& zone) const;
  /// `labels` before this one; nullopt: too long.
  [[nodiscard]] std::optional<Name> under(std::vector<std::string> labels) const;

  bool operator==(const Name& other) const;

 private:
  std::vector<std::string> labels_;
};

}  // namespace coxswain::dns
