#pragma once

#include <cassert>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "api/reflect/info.h"

namespace coxswain::api {

namespace meta::v1 {
struct ObjectMeta;
struct ListMeta;
}  // namespace meta::v1

/// An API object whose type is known at run time only. Owns it; moves, does not copy (clone()).
class Object {
 public:
  Object() = default;
  /// A new empty object.
  explicit Object(const MessageInfo& info) : info_(&info), data_(info.create()) {}
  template <typename T>
  requires requires { T::kInfo; }
  explicit Object(T value) : info_(&T::kInfo), data_(new T(std::move(value))) {}

  Object(Object&& other) noexcept
      : info_(std::exchange(other.info_, nullptr)), data_(std::exchange(other.data_, nullptr)) {}
  Object& operator=(Object&& other) noexcept {
    std::swap(info_, other.info_);
    std::swap(data_, other.data_);
    return *this;
  }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() {
    if (data_) info_->destroy(data_);
  }

  /// False: holds nothing; then no other method may be called.
  explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] const MessageInfo& info() const { return *info_; }
  void* data() { return data_; }
  [[nodiscard]] const void* data() const { return data_; }
  [[nodiscard]] Object clone() const {
    Object copy;
    if (data_) {
      copy.info_ = info_;
      copy.data_ = info_->clone(data_);
    }
    return copy;
  }

  template <typename T>
  [[nodiscard]] bool is() const {
    return info_ == &T::kInfo;
  }
  /// Null when it is another type.
  template <typename T>
  T* as() {
    return is<T>() ? static_cast<T*>(data_) : nullptr;
  }
  template <typename T>
  const T* as() const {
    return is<T>() ? static_cast<const T*>(data_) : nullptr;
  }
  /// Gives the pointer away; free it with info.destroy.
  void* release() {
    info_ = nullptr;
    return std::exchange(data_, nullptr);
  }

 private:
  const MessageInfo* info_ = nullptr;
  void* data_ = nullptr;
};

/// The same, shared and never changed. Copies share.
class ConstObject {
 public:
  ConstObject() = default;
  ConstObject(Object object) {  // NOLINT
    if (!object) return;
    info_ = &object.info();
    data_ = std::shared_ptr<const void>(
        object.release(), [info = info_](const void* p) { info->destroy(const_cast<void*>(p)); });
  }
  ConstObject(const MessageInfo& info, std::shared_ptr<const void> data)
      : info_(&info), data_(std::move(data)) {}
  template <typename T>
  requires requires { T::kInfo; }
  ConstObject(std::shared_ptr<const T> value)  // NOLINT
      : info_(&T::kInfo), data_(std::move(value)) {}

  explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] const MessageInfo& info() const { return *info_; }
  [[nodiscard]] const void* data() const { return data_.get(); }
  [[nodiscard]] const std::shared_ptr<const void>& shared() const { return data_; }
  [[nodiscard]] Object clone() const;

  template <typename T>
  [[nodiscard]] bool is() const {
    return info_ == &T::kInfo;
  }
  template <typename T>
  const T* as() const {
    return is<T>() ? static_cast<const T*>(data_.get()) : nullptr;
  }
  /// Shares ownership; null when it is another type.
  template <typename T>
  std::shared_ptr<const T> sharedAs() const {
    return is<T>() ? std::static_pointer_cast<const T>(data_) : nullptr;
  }

 private:
  const MessageInfo* info_ = nullptr;
  std::shared_ptr<const void> data_;
};

/// `metadata` of any object; null where the type has none (or has a ListMeta).
inline meta::v1::ObjectMeta* objectMeta(const MessageInfo& info, void* object) {
  if (info.objectMeta < 0) return nullptr;
  void* at = static_cast<char*>(object) + info.objectMeta;
  return static_cast<meta::v1::ObjectMeta*>(at);
}
inline const meta::v1::ObjectMeta* objectMeta(const MessageInfo& info, const void* object) {
  return objectMeta(info, const_cast<void*>(object));
}
inline meta::v1::ObjectMeta* objectMeta(Object& object) {
  return objectMeta(object.info(), object.data());
}
inline const meta::v1::ObjectMeta* objectMeta(const Object& object) {
  return objectMeta(object.info(), object.data());
}
inline const meta::v1::ObjectMeta* objectMeta(const ConstObject& object) {
  return objectMeta(object.info(), object.data());
}
/// `metadata` of a list kind; else null.
inline meta::v1::ListMeta* listMeta(const MessageInfo& info, void* object) {
  if (info.listMeta < 0) return nullptr;
  void* at = static_cast<char*>(object) + info.listMeta;
  return static_cast<meta::v1::ListMeta*>(at);
}
inline const meta::v1::ListMeta* listMeta(const MessageInfo& info, const void* object) {
  return listMeta(info, const_cast<void*>(object));
}

// The registry of kinds: defined by the generator, in library api_gen.

/// Null: no such kind. `group` is empty for core. Versions of the same shape share a description:
/// its kind->version may then be another one than `version`.
const MessageInfo* findKind(std::string_view group, std::string_view version,
                            std::string_view kind);
/// By apiVersion ("v1", "apps/v1").
const MessageInfo* findKind(std::string_view apiVersion, std::string_view kind);
/// Sorted by group, version, kind.
std::span<const MessageInfo* const> allKinds();
/// By full protobuf name ("k8s.io.api.core.v1.PodSpec").
const MessageInfo* findMessage(std::string_view fullName);
/// Every message, sorted by full name.
std::span<const MessageInfo* const> allMessages();

}  // namespace coxswain::api
