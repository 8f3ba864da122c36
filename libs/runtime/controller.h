#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "runtime/controller_metrics.h"
#include "runtime/object_key.h"
#include "runtime/work_queue.h"

namespace stockade::runtime {

// What a reconcile came to.
struct ReconcileResult {
  // An error has the key tried again with growing delays, or after its retry_after.
  Status status;
  // With success: look again after this time though nothing may have changed.
  std::optional<std::chrono::milliseconds> requeue_after;
};

// Calls a reconcile function for each key of its queue on a fixed number of threads. The contract
// is level-triggered: a reconcile is told a name and nothing of what happened, compares what is
// with what should be, and may be called at any time, never for the same key twice at once.
class Controller {
 public:
  using Reconcile = std::function<ReconcileResult(const ObjectKey&)>;

  Controller(std::string name, const Clock& clock, Logger& logger, Reconcile reconcile)
      : Controller(std::move(name), clock, logger, std::move(reconcile), WorkQueue::Backoff{}) {}
  Controller(std::string name, const Clock& clock, Logger& logger, Reconcile reconcile,
             WorkQueue::Backoff backoff);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Makes this controller's metrics and counts into them from now on. Before Start.
  void Measure(prometheus::Registry& registry);
  // To be called before the metrics are read.
  void RefreshMetrics() { queue_.RefreshMetrics(); }

  void Enqueue(const ObjectKey& key, Priority priority = Priority::kNormal) {
    queue_.Add(key, priority);
  }

  void Start(std::size_t workers);
  // Gives out no more keys; waits for nobody.
  void ShutDown() { queue_.ShutDown(); }
  // ShutDown, and waits until the reconciles under way have returned. To end those that wait for an
  // API server that does not answer is the caller's affair: see kube::TransportOptions::stop.
  void Stop();

  [[nodiscard]] WorkQueue& queue() { return queue_; }

 private:
  void Work();
  void ReconcileOne(const ObjectKey& key);
  ReconcileResult Call(const ObjectKey& key);

  const std::string name_;
  Logger& logger_;
  const Reconcile reconcile_;
  std::unique_ptr<ControllerMetrics> metrics_;  // null when nothing is measured
  WorkQueue queue_;
  std::vector<std::jthread> workers_;
};

}  // namespace stockade::runtime
