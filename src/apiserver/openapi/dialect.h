#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coxswain::apiserver::openapi {

/// V2 is Swagger 2.0, one document of all; V3 is OpenAPI 3.0, one a group version.
enum class Dialect : uint8_t { V2, V3 };

/// Where references to models point.
inline std::string modelRef(Dialect dialect, std::string_view model) {
  const std::string_view prefix =
      dialect == Dialect::V2 ? "#/definitions/" : "#/components/schemas/";
  return std::string(prefix) + std::string(model);
}

}  // namespace coxswain::apiserver::openapi
