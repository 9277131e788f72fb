#include "scheduler/framework/wiring.h"

namespace coxswain::scheduler {

namespace {

constexpr std::array<std::string_view, kPointCount> kTitles = {
    "PreEnqueue", "QueueSort", "PreFilter", "Filter",  "PostFilter", "PreScore",
    "Score",      "Reserve",   "Permit",    "PreBind", "Bind",       "PostBind"};
constexpr std::array<std::string_view, kPointCount> kNames = {
    "preEnqueue", "queueSort", "preFilter", "filter",  "postFilter", "preScore",
    "score",      "reserve",   "permit",    "preBind", "bind",       "postBind"};

}  // namespace

std::string_view pointName(Point point) {
  return kNames[static_cast<size_t>(point)];
}

std::string_view pointTitle(Point point) {
  return kTitles[static_cast<size_t>(point)];
}

}  // namespace coxswain::scheduler
