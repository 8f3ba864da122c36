#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace stockade::runtime {

// The metrics of one work queue, under the names of client-go's workqueue package.
struct WorkQueueMetrics {
  WorkQueueMetrics(prometheus::Registry& registry, const std::string& name);

  prometheus::Gauge& depth;
  prometheus::Counter& adds;
  prometheus::Counter& retries;
  prometheus::Histogram& queue_duration;  // from Add to Get, in seconds
  prometheus::Histogram& work_duration;   // from Get to Done, in seconds
  // Computed when they are read: see WorkQueue::RefreshMetrics.
  prometheus::Gauge& unfinished_work;
  prometheus::Gauge& longest_running;
};

// The metrics of one controller, under the names of controller-runtime.
struct ControllerMetrics {
  ControllerMetrics(prometheus::Registry& registry, const std::string& name);

  WorkQueueMetrics queue;
  prometheus::Counter& succeeded;
  prometheus::Counter& failed;
  prometheus::Counter& requeued_after;
  prometheus::Counter& errors;
  prometheus::Histogram& reconcile_time;  // in seconds
  prometheus::Gauge& active_workers;
  prometheus::Gauge& max_concurrent_reconciles;
};

}  // namespace stockade::runtime
