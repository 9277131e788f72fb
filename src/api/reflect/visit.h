#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/meta/int_or_string.h"
#include "api/meta/quantity.h"
#include "api/meta/raw.h"
#include "api/meta/time.h"
#include "api/reflect/info.h"
#include "base/assert.h"

namespace coxswain::api {

/// Calls f(std::type_identity<T>()) with the C++ type of `type`, which is not Message.
template <typename F>
decltype(auto) visitType(FieldType type, F&& f) {
  switch (type) {
    case FieldType::String:
      return f(std::type_identity<std::string>());
    case FieldType::Bytes:
      return f(std::type_identity<Bytes>());
    case FieldType::Bool:
      return f(std::type_identity<bool>());
    case FieldType::Int32:
      return f(std::type_identity<int32_t>());
    case FieldType::Int64:
      return f(std::type_identity<int64_t>());
    case FieldType::UInt32:
      return f(std::type_identity<uint32_t>());
    case FieldType::UInt64:
      return f(std::type_identity<uint64_t>());
    case FieldType::Double:
      return f(std::type_identity<double>());
    case FieldType::Float:
      return f(std::type_identity<float>());
    case FieldType::StringList:
      return f(std::type_identity<std::vector<std::string>>());
    case FieldType::Quantity:
      return f(std::type_identity<Quantity>());
    case FieldType::IntOrString:
      return f(std::type_identity<IntOrString>());
    case FieldType::Time:
      return f(std::type_identity<Time>());
    case FieldType::MicroTime:
      return f(std::type_identity<MicroTime>());
    case FieldType::Duration:
      return f(std::type_identity<GoDuration>());
    case FieldType::RawExtension:
      return f(std::type_identity<RawExtension>());
    case FieldType::FieldsV1:
      return f(std::type_identity<FieldsV1>());
    case FieldType::RawJson:
      return f(std::type_identity<RawJson>());
    case FieldType::Message:
      break;
  }
  COXSWAIN_ASSERT(false);
  std::abort();
}

}  // namespace coxswain::api
