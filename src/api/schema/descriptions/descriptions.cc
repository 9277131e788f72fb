#include "api/schema/descriptions/descriptions.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>

#include "api/schema/descriptions/descriptions_data.h"

namespace coxswain::api {

Descriptions Descriptions::load() {
  Descriptions out;
  out.text_.resize(generated::kDescriptionsTextSize);
  uLongf size = out.text_.size();
  const int result =
      ::uncompress(reinterpret_cast<Bytef*>(out.text_.data()), &size, generated::kDescriptions,
                   static_cast<uLong>(generated::kDescriptionsSize));
  assert(result == Z_OK && size == out.text_.size());
  if (result != Z_OK) return {};
  std::string_view rest(out.text_.data(), size);
  out.lines_.reserve(static_cast<size_t>(std::ranges::count(rest, '\n')));
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const size_t tab = line.find('\t');
    out.lines_.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    rest.remove_prefix(end + 1);
  }
  return out;
}

uint32_t Descriptions::checksum() {
  return generated::kDescriptionsChecksum;
}

std::string_view Descriptions::of(std::string_view message, std::string_view field) const {
  std::string key(message);
  if (!field.empty()) key.append("/").append(field);
  const auto found = std::ranges::lower_bound(lines_, std::string_view(key), {},
                                              [](const auto& line) { return line.first; });
  return found != lines_.end() && found->first == key ? found->second : std::string_view();
}

}  // namespace coxswain::api
