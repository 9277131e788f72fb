#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coxswain::api {

/// What kinds and their fields are for, one or two sentences each. Packed in the program (about
/// 45 KiB), unpacked by load() (about 300 KiB): make one, use it, let it go. A value; const methods
/// on any thread. Texts live as long as the object.
class Descriptions {
 public:
  static Descriptions load();
  /// Changes when any text does; cheap.
  static uint32_t checksum();

  Descriptions(Descriptions&&) = default;
  Descriptions& operator=(Descriptions&&) = default;

  /// Of a message by its full protobuf name ("k8s.io.api.core.v1.Pod"), or of its field by JSON
  /// name, where members of inlined messages count as its own. Empty: there is none.
  [[nodiscard]] std::string_view of(std::string_view message, std::string_view field = {}) const;
  [[nodiscard]] size_t size() const { return lines_.size(); }

 private:
  Descriptions() = default;

  std::vector<char> text_;
  std::vector<std::pair<std::string_view, std::string_view>> lines_;  ///< sorted
};

}  // namespace coxswain::api
