#include "up/progress.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace coxswain::up {

Status ProgressWriter::begin() {
  std::ofstream out(path_, std::ios::trunc);
  if (!out) return errnoStatus("open " + path_, errno);
  return {};
}

void ProgressWriter::append(std::string_view word, std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::ofstream(path_, std::ios::app) << word << line << "\n";
}

Progress readProgress(const std::string& path) {
  Progress progress;
  std::ifstream in(path);
  std::stringstream all;
  all << in.rdbuf();
  std::string line;
  while (std::getline(all, line)) {
    if (all.eof()) break;  // no newline yet
    if (line.starts_with("stage ")) progress.stages.push_back(line.substr(6));
    if (line == "ready") progress.ready = true;
    if (line.starts_with("failed ")) progress.failure = line.substr(7);
  }
  return progress;
}

}  // namespace coxswain::up
