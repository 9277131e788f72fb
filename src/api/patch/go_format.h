#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

namespace coxswain::api {

/// A value as Go's %v prints decoded JSON, which some answers show: "map[a:1 b:[x y]]".
std::string goFormat(const boost::json::value& value);

/// Its Go type: "map[string]interface {}", "[]interface {}", "string", "int64", ...
std::string_view goTypeName(const boost::json::value& value);

/// Length of the value as JSON text.
size_t jsonLength(const boost::json::value& value);

/// No deeper than `max`.
bool depthWithin(const boost::json::value& value, int max);

}  // namespace coxswain::api
