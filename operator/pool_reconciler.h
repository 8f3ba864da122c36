#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kube/client.h"
#include "operator/binding_metrics.h"
#include "operator/caches.h"
#include "operator/pool_plan.h"
#include "operator/sandbox_binder.h"
#include "runtime/controller.h"
#include "runtime/event_recorder.h"

namespace stockade::sandbox_operator {

// Keeps the sandboxes of each AgentSandboxPool: makes those that are missing, at its pace, removes
// those that are too many, stuck, outdated or changed by others, and tells in its status. Which
// sandboxes are a pool's is told by their owner references alone. Safe to call for different pools
// at once.
class PoolReconciler {
 public:
  // `metrics` and `events` may be null: nothing is measured, and nobody told.
  PoolReconciler(kube::Client& client, Caches& caches, SandboxBinder& binder, const Clock& clock,
                 Logger& logger, BindingMetrics* metrics, runtime::EventRecorder* events);

  runtime::ReconcileResult Reconcile(const runtime::ObjectKey& key);

  // The pool of that uid is gone.
  void Forget(const std::string& uid);

 private:
  // After what was made for a pool did not come up, others are made 10 s later, twice as long after
  // each further failure, at most 5 minutes; a pool that is full starts the count anew. In memory:
  // a restarted operator starts with the first delay.
  struct Backoff {
    int failures = 0;                       // in a row
    std::int64_t replacements = 0;          // that wait until then
    std::chrono::nanoseconds not_before{};  // on Clock::SinceBoot
    std::chrono::system_clock::time_point last_failure;
    std::optional<Blocker> refusal;  // of the API server, if that was it
  };

  [[nodiscard]] PoolSituation Look(const CachedSandboxPool& cached,
                                   const TemplateSource& source) const;
  [[nodiscard]] std::int64_t CountWaitingClaims(const CachedSandboxPool& pool) const;
  // Adds to `count`, if there is one, how many are gone, also when it fails half way.
  Status Remove(const CachedSandboxPool& cached, const std::vector<BoundSandbox>& members,
                Removal removal, std::int64_t* count = nullptr);
  Status Create(const CachedSandboxPool& cached, const CachedSandboxTemplate& made_from,
                std::int64_t count, std::optional<Blocker>& blocker);
  Status WriteStatus(const CachedSandboxPool& cached, const codec::Json& status);
  // So many did not come up, or would not have been taken.
  void Failed(const std::string& uid, std::int64_t count, std::optional<Blocker> refusal);
  // What the API server has against the sandboxes that are not to be made yet.
  [[nodiscard]] std::optional<Blocker> LastRefusal(const std::string& uid) const;
  // Begins to count anew when one came up that was made after the last failure.
  void Succeeded(const std::string& uid, const std::vector<BoundSandbox>& members);
  void ForgetFailures(const std::string& uid);
  [[nodiscard]] std::int64_t WaitingReplacements(const std::string& uid) const;
  [[nodiscard]] std::chrono::milliseconds UntilNext(const std::string& uid) const;

  kube::Client& client_;
  Caches& caches_;
  SandboxBinder& binder_;
  const Clock& clock_;
  Logger& logger_;
  BindingMetrics* const metrics_;
  runtime::EventRecorder* const events_;
  mutable Mutex mutex_;
  std::map<std::string, Backoff> backoffs_ STOCKADE_GUARDED_BY(mutex_);  // by uid
};

}  // namespace stockade::sandbox_operator
