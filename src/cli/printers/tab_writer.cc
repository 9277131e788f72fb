#include "cli/printers/tab_writer.h"

#include <algorithm>

namespace coxswain::cli {

size_t textWidth(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void TabWriter::write(std::string_view text) {
  text_ += text;
}

std::string TabWriter::take() {
  lines_.clear();
  lines_.emplace_back();
  std::string cell;
  const auto endCell = [&] {
    const auto width = textWidth(cell);
    lines_.back().push_back({std::move(cell), width});
    cell.clear();
  };
  for (char c : text_) {
    if (c == '\t') {
      endCell();
    } else if (c == '\n') {
      endCell();
      lines_.emplace_back();
    } else {
      cell.push_back(c);
    }
  }
  endCell();
  text_.clear();
  widths_.clear();
  std::string out;
  format(out, 0, lines_.size());
  return out;
}

void TabWriter::format(std::string& out, size_t from, size_t to) {
  const size_t column = widths_.size();
  for (size_t at = from; at < to; ++at) {
    if (column + 1 >= lines_[at].size()) continue;
    writeLines(out, from, at);
    from = at;
    size_t width = options_.widthMin;
    for (; at < to && column + 1 < lines_[at].size(); ++at) {
      width = std::max(width, lines_[at][column].width + options_.padding);
    }
    if (options_.remember) {
      if (remembered_.size() <= column) remembered_.resize(column + 1, 0);
      width = remembered_[column] = std::max(width, remembered_[column]);
    }
    widths_.push_back(width);
    format(out, from, at);
    widths_.pop_back();
    from = at;
  }
  writeLines(out, from, to);
}

void TabWriter::writeLines(std::string& out, size_t from, size_t to) const {
  for (size_t at = from; at < to; ++at) {
    const auto& line = lines_[at];
    for (size_t i = 0; i < line.size(); ++i) {
      out += line[i].text;
      if (i < widths_.size() && i + 1 < line.size()) {
        out.append(widths_[i] - std::min(widths_[i], line[i].width), ' ');
      }
    }
    if (at + 1 < lines_.size()) out.push_back('\n');
  }
}

}  // namespace coxswain::cli
