#include "scheduler/framework/diagnosis.h"

#include <algorithm>

namespace coxswain::scheduler {

void ReasonCounts::add(std::string_view reason, int64_t count) {
  for (auto& entry : counts_) {
    if ((entry.from != reason.data() || entry.text.size() != reason.size()) && entry.text != reason)
      continue;
    entry.count += count;
    return;
  }
  counts_.push_back({std::string(reason), reason.data(), count});
}

std::string ReasonCounts::str() const {
  std::vector<std::string> lines;
  lines.reserve(counts_.size());
  for (const auto& entry : counts_) lines.push_back(std::to_string(entry.count) + " " + entry.text);
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const auto& line : lines) {
    if (!out.empty()) out += ", ";
    out += line;
  }
  return out;
}

std::string fitErrorMessage(size_t nodeCount, std::string_view preFilterMessage,
                            const ReasonCounts& reasons, std::string_view postFilterMessage) {
  std::string out = "0/" + std::to_string(nodeCount) + " nodes are available:";
  if (!preFilterMessage.empty()) {
    out.append(" ").append(preFilterMessage).append(".");
  } else if (!reasons.empty()) {
    out.append(" ").append(reasons.str()).append(".");
  }
  if (!postFilterMessage.empty()) out.append(" ").append(postFilterMessage);
  return out;
}

std::string Diagnosis::message() const {
  if (nodeCount == 0) return "no nodes available to schedule pods";
  return fitErrorMessage(nodeCount, preFilterMessage, reasons, postFilterMessage);
}

}  // namespace coxswain::scheduler
