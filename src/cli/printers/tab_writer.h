#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::cli {

/// Columns of text as Go's text/tabwriter aligns them: a cell ends with a tab; a column is a run of
/// lines that have such a cell there; the last cell of a line is never padded.
class TabWriter {
 public:
  struct Options {
    size_t widthMin = 0;  ///< of a column, padding included
    size_t padding = 2;
    /// Columns keep the width they had in texts before (kubectl get, over pages and watches).
    bool remember = false;
  };

  explicit TabWriter(Options options) : options_(options) {}

  void write(std::string_view text);
  /// What was written, aligned. Starts anew.
  std::string take();

 private:
  struct Cell {
    std::string text;
    size_t width = 0;  // in code points
  };
  using Line = std::vector<Cell>;
  void format(std::string& out, size_t from, size_t to);
  void writeLines(std::string& out, size_t from, size_t to) const;

  Options options_;
  std::string text_;
  std::vector<Line> lines_;
  std::vector<size_t> widths_;
  std::vector<size_t> remembered_;
};

/// Code points in UTF-8 text.
size_t textWidth(std::string_view text);

}  // namespace coxswain::cli
