#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "kube/client.h"
#include "operator/binding_metrics.h"
#include "operator/caches.h"
#include "operator/claim_plan.h"
#include "operator/reconcile_step.h"
#include "operator/sandbox_binder.h"
#include "runtime/controller.h"
#include "runtime/event_recorder.h"

namespace stockade::sandbox_operator {

// Gives each AgentSandboxClaim one sandbox: a ready one of its pool, or else one made from the
// template, under the claim's own name. Keeps it while there is the claim, ends the claim when its
// time is over, and tells in its status. Level-triggered and idempotent: which sandbox is whose is
// told by the sandboxes' owner references alone, so that nothing is lost wherever the process dies.
// Safe to call for different claims at once.
class ClaimReconciler {
 public:
  // `metrics` and `events` may be null: nothing is measured, and nobody told.
  ClaimReconciler(kube::Client& client, Caches& caches, SandboxBinder& binder, const Clock& clock,
                  Logger& logger, BindingMetrics* metrics, runtime::EventRecorder* events);

  runtime::ReconcileResult Reconcile(const runtime::ObjectKey& key);

  // A claim of that uid has come, and one has gone.
  void Begin(const std::string& uid) {
    if (metrics_ != nullptr) metrics_->ClaimSeen(uid, clock_.SinceBoot());
  }
  void Forget(const std::string& uid) {
    if (metrics_ != nullptr) metrics_->ClaimGone(uid);
  }

 private:
  // The pool's and the template's, or what is wrong with them for this claim.
  struct Source {
    std::shared_ptr<const CachedSandboxPool> pool;  // null without one
    TemplateSource made_from;
  };

  [[nodiscard]] Source Resolve(const CachedSandboxClaim& cached) const;
  // The template is still what the source was resolved from.
  [[nodiscard]] bool IsCurrent(const Source& source) const;
  // Its pod says so, and its status perhaps not yet.
  [[nodiscard]] bool AgentHasEnded(const CachedSandbox& sandbox) const;
  [[nodiscard]] std::vector<SandboxBinder::Ptr> OwnOf(const CachedSandboxClaim& cached) const;
  // Adds the sandbox that the claim's status names when the cache does not show it yet as the
  // claim's: an earlier operator may have given it to the claim.
  Status FindKnown(const CachedSandboxClaim& cached, std::vector<BoundSandbox>& own);
  ReconcileStep Bind(const CachedSandboxClaim& cached, const Source& source, ClaimOutcome& outcome);
  // True when it has got one of the pool's.
  Result<bool> AdoptOne(const CachedSandboxClaim& cached, const Source& source,
                        ClaimOutcome& outcome);
  ReconcileStep CreateOne(const CachedSandboxClaim& cached, const CachedSandboxTemplate& made_from,
                          ClaimOutcome& outcome);
  ReconcileStep TakeExisting(const CachedSandboxClaim& cached, ClaimOutcome& outcome);
  Status Remove(const CachedSandboxClaim& cached, const std::vector<BoundSandbox>& sandboxes,
                Removal removal);
  Status DeleteClaim(const CachedSandboxClaim& cached);
  Status WriteStatus(const CachedSandboxClaim& cached, const ClaimOutcome& outcome);

  kube::Client& client_;
  Caches& caches_;
  SandboxBinder& binder_;
  const Clock& clock_;
  Logger& logger_;
  BindingMetrics* const metrics_;
  runtime::EventRecorder* const events_;
};

}  // namespace stockade::sandbox_operator
