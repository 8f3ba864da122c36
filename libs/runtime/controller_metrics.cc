#include "runtime/controller_metrics.h"

namespace stockade::runtime {
namespace {

using prometheus::Labels;
using prometheus::Registry;

// The buckets of client-go's workqueue: ten to the power of -8 to 3 seconds.
const prometheus::Histogram::BucketBoundaries kQueueBuckets = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                                               1e-2, 1e-1, 1,    10,   100,  1000};
// Those of controller-runtime, thinned out, in seconds.
const prometheus::Histogram::BucketBoundaries kReconcileBuckets = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.5, 2,    3,   4,    5,   7,    10,  20,   30,  60};

prometheus::Gauge& AddGauge(Registry& registry, const char* name, const char* help,
                            const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Counter& AddCounter(Registry& registry, const char* name, const char* help,
                                const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Histogram& AddHistogram(Registry& registry, const char* name, const char* help,
                                    const Labels& labels,
                                    const prometheus::Histogram::BucketBoundaries& buckets) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, buckets);
}

prometheus::Counter& AddOutcome(Registry& registry, const std::string& controller,
                                const char* result) {
  return AddCounter(registry, "controller_runtime_reconcile_total",
                    "Total number of reconciliations per controller.",
                    {{"controller", controller}, {"result", result}});
}

}  // namespace

WorkQueueMetrics::WorkQueueMetrics(Registry& registry, const std::string& name)
    : depth(AddGauge(registry, "workqueue_depth", "Current depth of workqueue.",
                     {{"name", name}, {"controller", name}})),
      adds(AddCounter(registry, "workqueue_adds_total",
                      "Total number of adds handled by workqueue.",
                      {{"name", name}, {"controller", name}})),
      retries(AddCounter(registry, "workqueue_retries_total",
                         "Total number of retries handled by workqueue.",
                         {{"name", name}, {"controller", name}})),
      queue_duration(
          AddHistogram(registry, "workqueue_queue_duration_seconds",
                       "How long in seconds an item stays in workqueue before being requested.",
                       {{"name", name}, {"controller", name}}, kQueueBuckets)),
      work_duration(AddHistogram(registry, "workqueue_work_duration_seconds",
                                 "How long in seconds processing an item from workqueue takes.",
                                 {{"name", name}, {"controller", name}}, kQueueBuckets)),
      unfinished_work(AddGauge(registry, "workqueue_unfinished_work_seconds",
                               "How many seconds of work has been done that is in progress and has "
                               "not been observed by work_duration.",
                               {{"name", name}, {"controller", name}})),
      longest_running(
          AddGauge(registry, "workqueue_longest_running_processor_seconds",
                   "How many seconds has the longest running processor for workqueue been running.",
                   {{"name", name}, {"controller", name}})) {}

ControllerMetrics::ControllerMetrics(Registry& registry, const std::string& name)
    : queue(registry, name),
      succeeded(AddOutcome(registry, name, "success")),
      failed(AddOutcome(registry, name, "error")),
      requeued_after(AddOutcome(registry, name, "requeue_after")),
      errors(AddCounter(registry, "controller_runtime_reconcile_errors_total",
                        "Total number of reconciliation errors per controller.",
                        {{"controller", name}})),
      reconcile_time(AddHistogram(registry, "controller_runtime_reconcile_time_seconds",
                                  "Length of time per reconciliation per controller.",
                                  {{"controller", name}}, kReconcileBuckets)),
      active_workers(AddGauge(registry, "controller_runtime_active_workers",
                              "Number of currently used workers per controller.",
                              {{"controller", name}})),
      max_concurrent_reconciles(AddGauge(registry, "controller_runtime_max_concurrent_reconciles",
                                         "Maximum number of concurrent reconciles per controller.",
                                         {{"controller", name}})) {}

}  // namespace stockade::runtime
