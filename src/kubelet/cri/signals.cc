#include "kubelet/cri/signals.h"

#include <iterator>

namespace coxswain::kubelet::cri {
namespace {

/// In the order of their numbers, from 1.
constexpr std::string_view kNames[] = {
    "SIGABRT",         "SIGALRM",         "SIGBUS",          "SIGCHLD",         "SIGCLD",
    "SIGCONT",         "SIGFPE",          "SIGHUP",          "SIGILL",          "SIGINT",
    "SIGIO",           "SIGIOT",          "SIGKILL",         "SIGPIPE",         "SIGPOLL",
    "SIGPROF",         "SIGPWR",          "SIGQUIT",         "SIGSEGV",         "SIGSTKFLT",
    "SIGSTOP",         "SIGSYS",          "SIGTERM",         "SIGTRAP",         "SIGTSTP",
    "SIGTTIN",         "SIGTTOU",         "SIGURG",          "SIGUSR1",         "SIGUSR2",
    "SIGVTALRM",       "SIGWINCH",        "SIGXCPU",         "SIGXFSZ",         "SIGRTMIN",
    "SIGRTMINPLUS1",   "SIGRTMINPLUS2",   "SIGRTMINPLUS3",   "SIGRTMINPLUS4",   "SIGRTMINPLUS5",
    "SIGRTMINPLUS6",   "SIGRTMINPLUS7",   "SIGRTMINPLUS8",   "SIGRTMINPLUS9",   "SIGRTMINPLUS10",
    "SIGRTMINPLUS11",  "SIGRTMINPLUS12",  "SIGRTMINPLUS13",  "SIGRTMINPLUS14",  "SIGRTMINPLUS15",
    "SIGRTMAXMINUS14", "SIGRTMAXMINUS13", "SIGRTMAXMINUS12", "SIGRTMAXMINUS11", "SIGRTMAXMINUS10",
    "SIGRTMAXMINUS9",  "SIGRTMAXMINUS8",  "SIGRTMAXMINUS7",  "SIGRTMAXMINUS6",  "SIGRTMAXMINUS5",
    "SIGRTMAXMINUS4",  "SIGRTMAXMINUS3",  "SIGRTMAXMINUS2",  "SIGRTMAXMINUS1",  "SIGRTMAX",
};

}  // namespace

int32_t signalNumber(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<int32_t>(i) + 1;
  }
  return 0;
}

std::string_view signalName(int32_t number) {
  if (number < 1 || number > static_cast<int32_t>(std::size(kNames))) return {};
  return kNames[number - 1];
}

}  // namespace coxswain::kubelet::cri
