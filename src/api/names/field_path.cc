#include "api/names/field_path.h"

#include <utility>

namespace coxswain::api {

FieldPath FieldPath::extended(Segment segment) && {
  if (count_ < segments_.size()) {
    FieldPath longer = std::move(*this);
    longer.push(segment);
    return longer;
  }
  auto whole = std::make_shared<const FieldPath>(std::move(*this));
  FieldPath longer(whole.get(), segment);
  longer.owned_ = std::move(whole);
  return longer;
}

void FieldPath::appendTo(std::string& out) const {
  if (parent_ != nullptr) parent_->appendTo(out);
  for (size_t i = 0; i < count_; ++i) {
    const Segment& segment = segments_[i];
    if (segment.index == kName) {
      if (!out.empty()) out.push_back('.');
      out.append(segment.text);
      continue;
    }
    out.push_back('[');
    if (segment.index == kKey)
      out.append(segment.text);
    else
      out.append(std::to_string(segment.index));
    out.push_back(']');
  }
}

std::string FieldPath::str() const {
  if (isRoot()) return "<nil>";
  std::string out;
  appendTo(out);
  return out;
}

}  // namespace coxswain::api
