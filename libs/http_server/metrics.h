#pragma once

#include <prometheus/registry.h>

#include <functional>
#include <memory>

#include "http_server/server.h"

namespace stockade::http_server {

// A program's metrics and GET /metrics in Prometheus' text format, with the process_* metrics that
// every Prometheus client library has (process_cpu_seconds_total and so on, read from /proc).
// Metrics are made and hooks are added before the handler serves; the registry's own metrics may be
// changed from any thread.
class MetricsEndpoint {
 public:
  MetricsEndpoint();
  ~MetricsEndpoint();
  MetricsEndpoint(const MetricsEndpoint&) = delete;
  MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

  [[nodiscard]] prometheus::Registry& registry();
  // Called at each scrape, before the values are read, for gauges that are computed then. Hooks run
  // one after the other, and no two scrapes at once.
  void BeforeScrape(std::function<void()> hook);

  // Answers /metrics and leaves every other path to `next`. This object must outlive the server.
  [[nodiscard]] Handler MakeHandler(Handler next);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockade::http_server
