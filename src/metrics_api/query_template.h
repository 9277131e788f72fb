#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::metrics_api {

/// Text with places that are filled in: "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)".
/// Of Go's templates these forms are known: <<.Field>>, <<.Field.key>>, <<index .Field "key">> and
/// <<index .Field 0>>. A value.
class QueryTemplate {
 public:
  /// What stands at a place: the field, and the key below it where there is one.
  struct Place {
    std::string field;
    std::string key;
  };
  /// `fields`: those that there are; ones that end in "." want a key. BadRequest for other places.
  static Result<QueryTemplate> parse(std::string_view text,
                                     const std::vector<std::string_view>& fields);

  [[nodiscard]] std::string expand(const std::function<std::string(const Place&)>& value) const;
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  /// Literal pieces; behind each but the last stands places()[i].
  [[nodiscard]] const std::vector<std::string>& pieces() const { return pieces_; }
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }

 private:
  std::vector<std::string> pieces_;
  std::vector<Place> places_;
};

}  // namespace coxswain::metrics_api
