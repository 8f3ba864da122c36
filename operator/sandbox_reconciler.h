#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "kube/client.h"
#include "operator/caches.h"
#include "operator/egress_gateways.h"
#include "operator/idle_warnings.h"
#include "operator/mutated_pods.h"
#include "operator/network_boundary.h"
#include "operator/object_writer.h"
#include "operator/operator_metrics.h"
#include "operator/policy_judge.h"
#include "operator/reconcile_step.h"
#include "operator/rendered_sandboxes.h"
#include "operator/restart_backoff.h"
#include "operator/sandbox_end.h"
#include "operator/sandbox_status.h"
#include "policy/evaluate.h"
#include "render/render.h"
#include "runtime/controller.h"
#include "runtime/event_recorder.h"

namespace stockade::sandbox_operator {

// Makes the cluster match one AgentSandbox: judges it, renders what should exist, writes what
// differs in the order that keeps the boundary shut (deny-all, claims, Service, allowances, the
// egress gateway, the pod last), and reports in the status. Level-triggered and idempotent; a
// reconcile that finds everything in place writes nothing. Safe to call for different sandboxes at
// once.
class SandboxReconciler {
 public:
  struct Settings {
    render::Profile profile;
    policy::Facts facts;
    OperatorMetrics* metrics = nullptr;  // null: nothing is measured; else outlives the reconciler
    runtime::EventRecorder* events = nullptr;  // the same for what users are told as Events
    EgressGateways* gateways = nullptr;        // null: spec.egress leads nowhere; else outlives it
    // Told of a change by a write of the status, which no event repeats; may be empty.
    std::function<void(const runtime::Store<CachedSandbox>::Change&)> on_written = {};
  };

  SandboxReconciler(kube::Client& client, Caches& caches, NetworkBoundary& boundary,
                    PolicyJudge& policies, const Clock& clock, Logger& logger, Settings settings);

  runtime::ReconcileResult Reconcile(const runtime::ObjectKey& key);

  // The sandbox with this uid is gone; what was remembered of it may go too.
  void Forget(const std::string& sandbox_uid) {
    warnings_.Forget(sandbox_uid);
    backoff_.Forget(sandbox_uid);
    mutated_.Forget(sandbox_uid);
  }

 private:
  using Step = ReconcileStep;

  [[nodiscard]] std::vector<policy::Finding> Judge(const api::AgentSandbox& sandbox) const;
  [[nodiscard]] RenderedSandbox JudgeAndRender(const api::AgentSandbox& sandbox) const;
  Step MakeReal(const api::AgentSandbox& sandbox, const RenderedSandbox& rendered,
                Observation& seen);
  // For a sandbox whose end is reached: the pod goes, then what is around it, and then, where its
  // policy says so and its status has told of it, the sandbox.
  Step MakeEnd(const api::AgentSandbox& sandbox, Observation& seen);
  // For a pod that failed by itself, where spec.lifecycle.restart is set.
  Step Restart(const api::AgentSandbox& sandbox, const CachedPod& failed, Observation& seen);
  // How long nobody has used it, and when it ends because of that or otherwise.
  void JudgeTime(const CachedSandbox& cached, const api::AgentSandbox& sandbox, Observation& seen);
  // As a user would, but in the operator's name: what is suspended is known by that.
  runtime::ReconcileResult Suspend(const CachedSandbox& cached, const api::AgentSandbox& sandbox);
  Step EnsureSurroundings(const api::AgentSandbox& sandbox, const render::DesiredObjects& desired);
  // The gateway of a sandbox that asks for one, with `way` null where none is made; without
  // spec.egress, what is left of it goes. Where the spec asks for what cannot be, the pod goes too,
  // and where it asks for another gateway than the pod has, whether that can be made or not.
  Step EnsureWay(const api::AgentSandbox& sandbox, std::optional<EgressGateways::Way>& way,
                 Observation& seen);
  // The sandbox's pod, if there is one, leads to another gateway than its spec asks for.
  [[nodiscard]] bool LeadsElsewhere(const api::AgentSandbox& sandbox) const;
  [[nodiscard]] bool WantsGateway(const api::AgentSandbox& sandbox) const {
    return settings_.gateways != nullptr && sandbox.spec.egress.has_value();
  }
  // A pod that is there gets a new identity in good time.
  Step RenewIdentity(const api::AgentSandbox& sandbox, const EgressGateways::Way& way,
                     Observation& seen);
  Step PatchPod(const CachedPod& live, codec::Json patch, std::string_view doing,
                Observation& seen);
  void ObserveGateway(const api::AgentSandbox& sandbox, Observation& seen) const;
  // Nothing happens when there is none of the sandbox's.
  Status RemoveService(const api::AgentSandbox& sandbox, const std::string& name);
  Step EnsureClaims(const api::AgentSandbox& sandbox, const render::DesiredObjects& desired);
  Step EnsurePod(const api::AgentSandbox& sandbox, const render::DesiredObjects& desired,
                 const EgressGateways::Way* way, Observation& seen);
  // Leaves seen.pod null when the name turns out to be taken.
  Step CreatePod(const api::AgentSandbox& sandbox, const codec::Json& pod,
                 const EgressGateways::Way* way, Observation& seen);
  // A pod that admission changed on creation goes again at once, and is not tried again for a
  // while.
  Step RemoveMutated(const api::AgentSandbox& sandbox, codec::JsonView rendered,
                     codec::JsonView created, Observation& seen);
  Step RecordPod(codec::JsonView pod, Observation& seen);
  Step AdoptMetadata(const api::AgentSandbox& sandbox, const CachedPod& live,
                     const codec::Json& rendered, Observation& seen);
  Step DeletePod(const CachedPod& pod, Observation& seen);
  Step RemovePod(const api::AgentSandbox& sandbox, Observation& seen);
  // Ends the pod of a sandbox that is gone where nothing owns the pod (`--cascade=orphan`), so that
  // neither the garbage collector nor a sandbox would ever end it.
  Status EndOrphanedPod(const runtime::ObjectKey& sandbox);
  // As the API server has it, past the cache.
  Result<std::shared_ptr<const CachedPod>> GetPod(const runtime::ObjectKey& key);
  // The sandbox's pod as the cache has it, or as the API server has it where the cache has none: a
  // pod that lost its label is in no cache. Null when there is none or it is another's.
  Result<std::shared_ptr<const CachedPod>> FindOwnPod(const api::AgentSandbox& sandbox);
  // FindPolicyWideningPod, by the gateway that the sandbox wants.
  std::string FindWideningPolicy(const api::AgentSandbox& sandbox, api::StringMap labels,
                                 bool has_node) const;
  // `cached` is what `sandbox` was made of.
  Status WriteStatus(const CachedSandbox& cached, const api::AgentSandbox& sandbox,
                     const Observation& seen);
  void Measure(const api::AgentSandbox& sandbox, const SandboxLifetime& lifetime,
               const codec::Json& before, const codec::Json& after) const;
  void Tell(std::vector<runtime::Event> events);

  kube::Client& client_;
  Caches& caches_;
  NetworkBoundary& boundary_;
  PolicyJudge& policies_;
  const Clock& clock_;
  Logger& logger_;
  const Settings settings_;
  RestartBackoff backoff_;
  IdleWarnings warnings_;
  SandboxEnd end_;
  MutatedPods mutated_;
  RenderedSandboxes rendered_;
};

}  // namespace stockade::sandbox_operator
