#pragma once

#include <prometheus/registry.h>

namespace stockade::http_server {

// The process_* metrics of Prometheus' client library guidelines, from /proc/self. For one thread
// at a time.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(prometheus::Registry& registry);

  void Refresh();

 private:
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& start_time_;
  prometheus::Gauge& open_descriptors_;
  prometheus::Gauge& max_descriptors_;
  prometheus::Gauge& threads_;
};

}  // namespace stockade::http_server
