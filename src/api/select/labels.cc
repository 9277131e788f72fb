#include "api/select/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/gen/meta_v1.h"
#include "api/names/field_error.h"
#include "api/names/names.h"

namespace coxswain::api {

namespace {

using Op = LabelRequirement::Op;

bool parseInt(std::string_view text, int64_t& out) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view opName(Op op) {
  switch (op) {
    case Op::Equals:
      return "=";
    case Op::DoubleEquals:
      return "==";
    case Op::NotEquals:
      return "!=";
    case Op::In:
      return "in";
    case Op::NotIn:
      return "notin";
    case Op::Exists:
      return "exists";
    case Op::DoesNotExist:
      return "!";
    case Op::GreaterThan:
      return "gt";
    case Op::LessThan:
      return "lt";
  }
  return "";
}

void checkCount(const FieldPath& path, Op op, const std::vector<std::string>& values,
                FieldErrors& errors) {
  switch (op) {
    case Op::In:
    case Op::NotIn:
      if (values.empty())
        errors.invalid(path, values, "for 'in', 'notin' operators, values set can't be empty");
      return;
    case Op::Equals:
    case Op::DoubleEquals:
    case Op::NotEquals:
      if (values.size() != 1)
        errors.invalid(path, values, "exact-match compatibility requires one single value");
      return;
    case Op::Exists:
    case Op::DoesNotExist:
      if (!values.empty())
        errors.invalid(path, values, "values set must be empty for exists and does not exist");
      return;
    case Op::GreaterThan:
    case Op::LessThan:
      if (values.size() != 1)
        errors.invalid(path, values, "for 'Gt', 'Lt' operators, exactly one value is required");
      return;
  }
}

}  // namespace

Result<LabelRequirement> LabelRequirement::create(std::string_view key, Op op,
                                                  std::vector<std::string> values) {
  FieldErrors errors;
  const FieldPath path("values");
  errors.invalidEach(FieldPath("key"), key, validateLabelKey(key));
  checkCount(path, op, values, errors);
  int64_t bound = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if ((op == Op::GreaterThan || op == Op::LessThan) && !parseInt(values[i], bound))
      errors.invalid(path.index(i), values[i],
                     "for 'Gt', 'Lt' operators, the value must be an integer");
    errors.invalidEach(path.index(i).key(key), values[i], validateLabelValue(values[i]));
  }
  if (!errors.empty()) return badRequest(errors.str());
  LabelRequirement out;
  out.key_ = key;
  out.op_ = op;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  out.values_ = std::move(values);
  out.bound_ = bound;
  return out;
}

bool LabelRequirement::matches(const std::string* value) const {
  switch (op_) {
    case Op::Equals:
    case Op::DoubleEquals:
      return value != nullptr && *value == values_.front();
    case Op::NotEquals:
      return value == nullptr || *value != values_.front();
    case Op::In:
      return value != nullptr && std::binary_search(values_.begin(), values_.end(), *value);
    case Op::NotIn:
      return value == nullptr || !std::binary_search(values_.begin(), values_.end(), *value);
    case Op::Exists:
      return value != nullptr;
    case Op::DoesNotExist:
      return value == nullptr;
    case Op::GreaterThan:
    case Op::LessThan: {
      int64_t number = 0;
      if (value == nullptr || !parseInt(*value, number)) return false;
      return op_ == Op::GreaterThan ? number > bound_ : number < bound_;
    }
  }
  return false;
}

void LabelRequirement::appendTo(std::string& out) const {
  if (op_ == Op::DoesNotExist) out.push_back('!');
  out.append(key_);
  switch (op_) {
    case Op::Exists:
    case Op::DoesNotExist:
      return;
    case Op::GreaterThan:
      out.append(">").append(values_.front());
      return;
    case Op::LessThan:
      out.append("<").append(values_.front());
      return;
    case Op::In:
    case Op::NotIn:
      fmt::format_to(std::back_inserter(out), " {} ({})", opName(op_), fmt::join(values_, ","));
      return;
    default:
      out.append(opName(op_)).append(values_.front());
  }
}

LabelSelector LabelSelector::nothing() {
  LabelSelector out;
  out.nothing_ = true;
  return out;
}

void LabelSelector::add(LabelRequirement requirement) {
  const auto after = std::upper_bound(
      requirements_.begin(), requirements_.end(), requirement,
      [](const LabelRequirement& a, const LabelRequirement& b) { return a.key() < b.key(); });
  requirements_.insert(after, std::move(requirement));
}

LabelSelector LabelSelector::fromLabels(const Labels& labels) {
  LabelSelector out;
  for (const auto& [key, value] : labels) {
    auto requirement = LabelRequirement::create(key, Op::Equals, {value});
    // Labels that could not be a selector's match nothing that was validated.
    if (!requirement.ok()) return nothing();
    out.add(std::move(requirement).value());
  }
  return out;
}

Result<LabelSelector> LabelSelector::from(const meta::v1::LabelSelector* selector) {
  if (selector == nullptr) return nothing();
  LabelSelector out;
  for (const auto& [key, value] : selector->matchLabels) {
    TRY(auto requirement, LabelRequirement::create(key, Op::Equals, {value}));
    out.add(std::move(requirement));
  }
  for (const auto& expression : selector->matchExpressions) {
    Op op = Op::In;
    if (expression.operator_ == "NotIn") {
      op = Op::NotIn;
    } else if (expression.operator_ == "Exists") {
      op = Op::Exists;
    } else if (expression.operator_ == "DoesNotExist") {
      op = Op::DoesNotExist;
    } else if (expression.operator_ != "In") {
      return badRequest(goQuote(expression.operator_) + " is not a valid label selector operator");
    }
    TRY(auto requirement, LabelRequirement::create(expression.key, op, expression.values));
    out.add(std::move(requirement));
  }
  return out;
}

bool LabelSelector::matches(const Labels& labels) const {
  if (nothing_) return false;
  for (const auto& requirement : requirements_)
    if (!requirement.matches(labels.get(requirement.key()))) return false;
  return true;
}

bool LabelSelector::matches(
    const std::function<const std::string*(std::string_view key)>& label) const {
  if (nothing_) return false;
  for (const auto& requirement : requirements_)
    if (!requirement.matches(label(requirement.key()))) return false;
  return true;
}

std::optional<std::string> LabelSelector::requiredValue(std::string_view key) const {
  if (nothing_) return std::nullopt;
  for (const auto& requirement : requirements_) {
    if (requirement.key() != key || requirement.values().size() != 1) continue;
    const Op op = requirement.op();
    if (op == Op::Equals || op == Op::DoubleEquals || op == Op::In)
      return requirement.values().front();
  }
  return std::nullopt;
}

std::string LabelSelector::str() const {
  std::string out;
  for (const auto& requirement : requirements_) {
    if (!out.empty()) out.push_back(',');
    requirement.appendTo(out);
  }
  return out;
}

std::string formatLabelSelector(const meta::v1::LabelSelector* selector) {
  if (selector == nullptr) return "<none>";
  const auto parsed = LabelSelector::from(selector);
  if (!parsed.ok()) return "<error>";
  return parsed->isEverything() ? "<none>" : parsed->str();
}

}  // namespace coxswain::api
