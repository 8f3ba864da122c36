#include "runtime/controller.h"

#include <exception>
#include <utility>

namespace stockade::runtime {

Controller::Controller(std::string name, const Clock& clock, Logger& logger, Reconcile reconcile,
                       WorkQueue::Backoff backoff)
    : name_(std::move(name)),
      logger_(logger),
      reconcile_(std::move(reconcile)),
      queue_(clock, backoff) {}

Controller::~Controller() { Stop(); }

void Controller::Measure(prometheus::Registry& registry) {
  metrics_ = std::make_unique<ControllerMetrics>(registry, name_);
  queue_.Measure(metrics_->queue);
}

void Controller::Start(std::size_t workers) {
  if (metrics_) metrics_->max_concurrent_reconciles.Set(static_cast<double>(workers));
  for (std::size_t i = 0; i < workers; ++i) workers_.emplace_back([this] { Work(); });
}

void Controller::Stop() {
  ShutDown();
  workers_.clear();  // joins
}

void Controller::Work() {
  while (const auto key = queue_.Get()) {
    ReconcileOne(*key);
    queue_.Done(*key);
  }
}

ReconcileResult Controller::Call(const ObjectKey& key) {
  try {
    return reconcile_(key);
  } catch (const std::exception& error) {
    // A fault of ours with this one object must not take the others down with it.
    return {Status(StatusCode::kInternal, error.what()), std::nullopt};
  }
}

void Controller::ReconcileOne(const ObjectKey& key) {
  const auto began = std::chrono::steady_clock::now();
  if (metrics_) metrics_->active_workers.Increment();
  const ReconcileResult result = Call(key);
  if (metrics_) {
    metrics_->active_workers.Decrement();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    metrics_->reconcile_time.Observe(took.count());
    prometheus::Counter& outcome = !result.status.ok()    ? metrics_->failed
                                   : result.requeue_after ? metrics_->requeued_after
                                                          : metrics_->succeeded;
    outcome.Increment();
    if (!result.status.ok()) metrics_->errors.Increment();
  }
  if (result.status.ok()) {
    queue_.Forget(key);
    if (result.requeue_after) queue_.AddAfter(key, *result.requeue_after);
    return;
  }
  if (result.status.code() == StatusCode::kConflict) {
    // The object changed under us; the event that says so may be here already.
    logger_.Debug("reconcile met a newer object and starts again",
                  {{"controller", name_}, {"key", key.ToString()}});
  } else if (result.status.code() == StatusCode::kCancelled) {
    // Nobody failed: this process is stopping, or leads no longer.
    logger_.Info(
        "reconcile was cut short",
        {{"controller", name_}, {"key", key.ToString()}, {"error", result.status.ToString()}});
  } else {
    logger_.Warning("reconcile failed and will be tried again",
                    {{"controller", name_},
                     {"key", key.ToString()},
                     {"failures", queue_.Failures(key) + 1},
                     {"error", result.status.ToString()}});
  }
  if (const auto retry_after = result.status.retry_after()) {
    queue_.AddAfter(key, *retry_after);
  } else {
    queue_.AddRateLimited(key);
  }
}

}  // namespace stockade::runtime
