#include "programs.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace coxswain::integration {

Programs::Programs(Reactor& reactor) : processes_(systemProcesses(reactor)) {}

Programs::~Programs() {
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

Status Programs::open() {
  const char* program = std::getenv("COXSWAIN_BIN");
  if (program == nullptr) return badRequest("COXSWAIN_BIN is not set");
  program_ = program;
  std::string pattern = "/tmp/cxw-integration-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return errnoStatus("mkdtemp", errno);
  folder_ = pattern;
  return {};
}

Status Programs::start(const std::string& part, std::vector<std::string> flags,
                       const std::string& suffix) {
  ChildOptions options;
  options.logFile = path(part + suffix + ".log");
  options.argv = {program_, part};
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  options.deathSignal = SIGKILL;
  TRY(auto child, processes_->start(std::move(options)));
  children_.push_back({part + suffix, std::move(child)});
  return {};
}

ChildProcess* Programs::find(const std::string& name) const {
  for (const auto& child : children_) {
    if (child.name == name) return child.process.get();
  }
  return nullptr;
}

void Programs::forget(const std::string& name) {
  std::erase_if(children_, [&name](const Child& child) { return child.name == name; });
}

void Programs::printLogs() const {
  if (folder_.empty()) return;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().extension() != ".log") continue;
    std::cerr << "--- " << file.path().filename() << "\n" << readAll(file.path());
  }
}

Task<void> Programs::stop() {
  while (!children_.empty()) {
    auto ended = co_await endProcess(*children_.back().process, 60s);
    if (!ended.ok() || !ended->ok()) {
      std::cerr << "a part did not end well: "
                << (ended.ok() ? ended->describe() : ended.status().message()) << "\n";
      printLogs();
    }
    children_.pop_back();
  }
}

std::string readAll(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace coxswain::integration
