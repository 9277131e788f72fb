#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "api/reflect/info.h"

namespace coxswain::apiserver {

// What clients are told of a patch that led to no object. Upstream's texts show the patched
// document as its libraries hold it: what a patch has touched is a Go map, written by sorted keys;
// the rest is still text in the order of the struct. All of this is off the path of patches that
// hold.

/// Puts the keys of objects that differ from `original` in order of their names.
void sortTouched(boost::json::value& patched, const boost::json::value& original);

/// The same for the objects that the operations of a JSON patch went through, changed or not.
void sortVisited(boost::json::value& patched, const boost::json::value& operations);

/// The order in which a strategic merge patch's result is looked at: at each level what the kind
/// does not know, then its members.
void unknownFirst(const api::MessageInfo& info, boost::json::value& patched);

/// As JSON, keys in the order they have.
std::string textInOrder(const boost::json::value& value);

/// Why a document of a strategic merge patch is none of the kind ("unrecognized type: int32",
/// "cannot restore slice from string"); empty: nothing is wrong that this knows of.
/// Upstream: staging/src/k8s.io/apimachinery/pkg/runtime/converter.go, fromUnstructured.
std::string restoreFailure(const api::MessageInfo& info, const boost::json::value& value);

}  // namespace coxswain::apiserver
