#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace coxswain::api {

/// Where in an object a value stands: "spec.containers[0].resources.limits[cpu]". Made of frames on
/// the stack that point to their parents, and rendered only when there is an error to tell: walking
/// an object allocates nothing.
///
///     const FieldPath spec("spec");
///     const auto containers = spec.child("containers");
///     for (size_t i = 0; i < n; ++i) check(containers.index(i).child("name"), ...);
///
/// A path made from a named path points to it (which must live as long); one made from a temporary
/// takes it over, so chains may be stored. Names and keys are borrowed: literals, or text that
/// outlives the path.
class FieldPath {
 public:
  /// The root, which prints "<nil>" by itself and nothing before a child.
  FieldPath() = default;
  explicit FieldPath(std::string_view name) { push({name, kName}); }

  [[nodiscard]] FieldPath child(std::string_view name) const& [[clang::lifetimebound]] {
    return FieldPath(this, {name, kName});
  }
  [[nodiscard]] FieldPath child(std::string_view name) && {
    return std::move(*this).extended({name, kName});
  }
  template <typename... More>
  [[nodiscard]] FieldPath child(std::string_view name, std::string_view next,
                                More... more) const& [[clang::lifetimebound]] {
    return child(name).child(next, more...);
  }
  template <typename... More>
  [[nodiscard]] FieldPath child(std::string_view name, std::string_view next, More... more) && {
    return std::move(*this).child(name).child(next, more...);
  }
  [[nodiscard]] FieldPath index(size_t i) const& [[clang::lifetimebound]] {
    return FieldPath(this, {{}, static_cast<int64_t>(i)});
  }
  [[nodiscard]] FieldPath index(size_t i) && {
    return std::move(*this).extended({{}, static_cast<int64_t>(i)});
  }
  /// "[key]", without quotes, as upstream.
  [[nodiscard]] FieldPath key(std::string_view k) const& [[clang::lifetimebound]] {
    return FieldPath(this, {k, kKey});
  }
  [[nodiscard]] FieldPath key(std::string_view k) && {
    return std::move(*this).extended({k, kKey});
  }

  [[nodiscard]] bool isRoot() const { return count_ == 0 && parent_ == nullptr; }
  [[nodiscard]] std::string str() const;

 private:
  static constexpr int64_t kName = -1;
  static constexpr int64_t kKey = -2;
  struct Segment {
    std::string_view text;
    int64_t index = kName;  ///< or kName, kKey
  };

  FieldPath(const FieldPath* parent, Segment segment) : parent_(parent) { push(segment); }
  FieldPath extended(Segment segment) &&;
  void push(Segment segment) { segments_[count_++] = segment; }
  void appendTo(std::string& out) const;

  const FieldPath* parent_ = nullptr;
  std::shared_ptr<const FieldPath> owned_;  ///< keeps parent_ alive where a long chain spilled
  size_t count_ = 0;
  std::array<Segment, 4> segments_;
};

}  // namespace coxswain::api
