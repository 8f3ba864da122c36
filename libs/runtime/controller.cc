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

void Controller::Start(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) workers_.emplace_back([this] { Work(); });
}

void Controller::Stop() {
  queue_.ShutDown();
  workers_.clear();  // joins
}

void Controller::Work() {
  while (const auto key = queue_.Get()) {
    ReconcileOne(*key);
    queue_.Done(*key);
  }
}

void Controller::ReconcileOne(const ObjectKey& key) {
  ReconcileResult result;
  try {
    result = reconcile_(key);
  } catch (const std::exception& error) {
    // A fault of ours with this one object must not take the others down with it.
    result.status = Status(StatusCode::kInternal, error.what());
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
