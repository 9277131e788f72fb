#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/object.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver::testing {

/// A kind under test, by group and plural (v1): what writes of JSON bodies answer, without storage
/// and admission. Messages come without "KIND "NAME" is invalid: ".
class Requests {
 public:
  Requests(std::string_view group, std::string_view plural)
      : row_(*findResource(group, "v1", plural)) {}

  /// Empty: it was accepted. `result`, if given, is the object as it would be stored.
  std::string create(std::string_view body, std::string* result = nullptr) const {
    api::FieldErrors errors;
    const auto object = created(body, errors);
    if (result) *result = text(object);
    return errors.str();
  }
  /// Of `from`, which must be acceptable, to `to`.
  std::string update(std::string_view from, std::string_view to,
                     std::string* result = nullptr) const {
    expectAcceptable(from);
    return change(from, to, false, result);
  }
  /// Of one that was stored when other rules held.
  std::string updateStored(std::string_view from, std::string_view to) const {
    return change(from, to, false, nullptr);
  }
  std::string updateStatus(std::string_view from, std::string_view to,
                           std::string* result = nullptr) const {
    expectAcceptable(from);
    return change(from, to, true, result);
  }
  /// Warnings of a create.
  std::vector<std::string> warnings(std::string_view body) const {
    api::FieldErrors errors;
    const auto object = created(body, errors);
    std::vector<std::string> out;
    row_.strategy->warnings(object.data(), nullptr, out);
    return out;
  }

 private:
  [[nodiscard]] api::Object decoded(std::string_view body) const {
    api::Object object(*row_.info);
    const auto status = api::decodeJson(*row_.info, body, object.data());
    EXPECT_TRUE(status.ok()) << status.message() << "\n" << body;
    row_.strategy->setDefaults(object.data());
    auto& meta = *api::objectMeta(object);
    if (meta.name.empty()) meta.name = "x";
    if (row_.namespaced) meta.namespace_ = "ns";
    return object;
  }
  api::Object created(std::string_view body, api::FieldErrors& errors) const {
    auto object = decoded(body);
    auto& meta = *api::objectMeta(object);
    prepareMetaForCreate(meta, row_.strategy->traits());
    row_.strategy->prepareForCreate(object.data());
    validateObjectMeta(meta, row_.namespaced, *row_.strategy, api::FieldPath("metadata"), errors);
    row_.strategy->validate(object.data(), errors);
    return object;
  }
  void expectAcceptable(std::string_view body) const {
    api::FieldErrors errors;
    row_.strategy->validate(decoded(body).data(), errors);
    EXPECT_EQ(errors.str(), "") << body;
  }
  std::string change(std::string_view from, std::string_view to, bool status,
                     std::string* result) const {
    api::FieldErrors errors;
    auto current = decoded(from);
    // A status stays as a test says it is.
    prepareMetaForCreate(*api::objectMeta(current), row_.strategy->traits());
    auto next = decoded(to);
    api::objectMeta(current)->resourceVersion = "1";
    api::objectMeta(next)->resourceVersion = "1";
    prepareMetaForUpdate(*api::objectMeta(next), *api::objectMeta(current));
    if (status) {
      row_.strategy->prepareForStatusUpdate(next.data(), current.data());
    } else {
      row_.strategy->prepareForUpdate(next.data(), current.data());
      growGeneration(*row_.strategy, next.data(), current.data());
    }
    validateObjectMetaUpdate(*api::objectMeta(next), *api::objectMeta(current),
                             row_.strategy->traits(), api::FieldPath("metadata"), errors);
    if (status) {
      row_.strategy->validateStatusUpdate(next.data(), current.data(), errors);
    } else {
      row_.strategy->validateUpdate(next.data(), current.data(), errors);
    }
    if (result) *result = text(next);
    return errors.str();
  }
  [[nodiscard]] static std::string text(const api::Object& object) {
    return api::encodeJson(object, {.typeMeta = false});
  }

  const Resource& row_;
};

}  // namespace coxswain::apiserver::testing
