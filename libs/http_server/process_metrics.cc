#include "http_server/process_metrics.h"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"

namespace stockade::http_server {
namespace {

prometheus::Gauge& AddGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

double ToDouble(std::string_view digits) {
  double value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return value;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Entries of /proc/self/fd, but for the one that reading it takes.
double CountDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int count = 0;
  // No other thread has this stream.
  while (const dirent* entry = readdir(directory)) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count - 1;
}

// When the machine started, in seconds since 1970.
double BootTime() {
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return static_cast<double>(now.tv_sec - since_boot.tv_sec) +
         static_cast<double>(now.tv_nsec - since_boot.tv_nsec) / 1e9;
}

}  // namespace

ProcessMetrics::ProcessMetrics(prometheus::Registry& registry)
    : cpu_seconds_(prometheus::BuildCounter()
                       .Name("process_cpu_seconds_total")
                       .Help("Total user and system CPU time spent in seconds.")
                       .Register(registry)
                       .Add({})),
      resident_bytes_(
          AddGauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes.")),
      virtual_bytes_(
          AddGauge(registry, "process_virtual_memory_bytes", "Virtual memory size in bytes.")),
      start_time_(AddGauge(registry, "process_start_time_seconds",
                           "Start time of the process since unix epoch in seconds.")),
      open_descriptors_(AddGauge(registry, "process_open_fds", "Number of open file descriptors.")),
      max_descriptors_(
          AddGauge(registry, "process_max_fds", "Maximum number of open file descriptors.")),
      threads_(AddGauge(registry, "process_threads", "Number of threads of the process.")) {}

void ProcessMetrics::Refresh() {
  const auto stat = ReadSmallFile("/proc/self/stat");
  if (stat.ok()) {
    // The name in parentheses may itself hold spaces and parentheses; field 3 follows it.
    const std::string_view text = *stat;
    const auto fields = Split(TrimSpace(text.substr(text.rfind(')') + 1)), ' ');
    const auto field = [&fields](std::size_t number) {  // as proc_pid_stat(5) counts them
      return fields.size() > number - 3 ? ToDouble(fields[number - 3]) : 0.0;
    };
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const double cpu = (field(14) + field(15)) / ticks;
    if (cpu > cpu_seconds_.Value()) cpu_seconds_.Increment(cpu - cpu_seconds_.Value());
    threads_.Set(field(20));
    if (start_time_.Value() == 0) start_time_.Set(BootTime() + field(22) / ticks);
    virtual_bytes_.Set(field(23));
    resident_bytes_.Set(field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  open_descriptors_.Set(CountDescriptors());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    max_descriptors_.Set(static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace stockade::http_server
