#include "apiserver/server/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace coxswain::apiserver {
namespace {

double entriesOf(const char* path) {
  double count = 0;
  if (auto* folder = opendir(path)) {
    while (readdir(folder)) ++count;
    closedir(folder);
    count -= 2;  // "." and ".."
  }
  return count;
}

double limitOf(int resource) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<double>(limit.rlim_cur);
}

/// Unix time; 0: not known.
double startTime() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  if (!std::getline(stat, line)) return 0;
  // After the name, which may hold anything: field 3 on.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  timespec now{};
  timespec sinceBoot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &sinceBoot);
  return static_cast<double>(now.tv_sec - sinceBoot.tv_sec) +
         ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double secondsOf(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

}  // namespace

void collectProcess(MetricSink& sink) {
  static const double kStart = startTime();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  sink.counter("process_cpu_seconds_total", "User and system CPU time", {},
               secondsOf(usage.ru_utime) + secondsOf(usage.ru_stime));
  sink.gauge("process_start_time_seconds", "When it was started, Unix time", {}, kStart);
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  if (statm >> pages >> resident) {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    sink.gauge("process_virtual_memory_bytes", "Virtual memory", {}, pages * page);
    sink.gauge("process_resident_memory_bytes", "Resident memory", {}, resident * page);
  }
  sink.gauge("process_virtual_memory_max_bytes", "Bound of virtual memory", {}, limitOf(RLIMIT_AS));
  // One of them is the look at them.
  sink.gauge("process_open_fds", "Open file descriptors", {}, entriesOf("/proc/self/fd") - 1);
  sink.gauge("process_max_fds", "Bound of open file descriptors", {}, limitOf(RLIMIT_NOFILE));
  const auto threads = entriesOf("/proc/self/task");
  sink.gauge("go_threads", "Threads", {}, threads);
  sink.gauge("go_goroutines", "Threads: there are no goroutines here", {}, threads);
}

}  // namespace coxswain::apiserver
