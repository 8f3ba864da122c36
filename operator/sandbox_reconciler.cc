#include "operator/sandbox_reconciler.h"

#include <algorithm>
#include <utility>

#include "api/binding_names.h"
#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/agent_trust.h"
#include "operator/binding_events.h"
#include "operator/binding_objects.h"
#include "operator/conditions.h"
#include "operator/create_errors.h"
#include "operator/object_writer.h"
#include "operator/owned_kinds.h"
#include "operator/pod_metadata.h"
#include "operator/sandbox_events.h"
#include "operator/widening.h"
#include "render/gateway.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::milliseconds;

// How long a pod may be on its way before the status says so in a write of its own: most are ready
// by then, and each write is multiplied by the number of sandboxes.
constexpr milliseconds kProgressGrace = std::chrono::seconds(1);
// Before it is asked again whether gateways can be made yet: a request or two.
constexpr milliseconds kPreparationRetry{1000};
// Before a renewal is looked at again.
constexpr milliseconds kLookAgainMin = std::chrono::seconds(1);

// A pod is not started into a network that is open; one that runs goes on and is reported.
Blocker WidenedBy(const std::string& policy, std::string_view consequence) {
  return {"WidenedBy",
          "NetworkPolicy \"" + policy +
              "\" selects the sandbox's pod and lets traffic through, so " +
              std::string(consequence) + "; delete it, or " + ExcludeFromPodSelector(),
          false};
}

api::StringMap LabelsOf(const codec::Json& object) {
  return object["metadata"]["labels"].get<api::StringMap>();
}

// As a merge patch leaves them; null for none.
api::StringMap WithPatch(api::StringMap labels, const codec::Json& patch) {
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null()) {
      labels.erase(key);
    } else {
      labels.insert_or_assign(key, value.get<std::string>());
    }
  }
  return labels;
}

bool IsReady(const codec::Json& status) { return FindCondition(status, "Ready").status == "True"; }

bool IsExpired(const codec::Json& status) {
  return FindCondition(status, "Ready").reason == kExpiredReason;
}

std::optional<milliseconds> Sooner(std::optional<milliseconds> one,
                                   std::optional<milliseconds> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

Blocker GatewayNotReady(const GatewayView& gateway) {
  return {gateway.credentials_missing ? "CredentialMissing" : "GatewayNotReady",
          "the egress gateway \"" + gateway.name +
              "\" does not answer yet, so the pod is not started" +
              (gateway.trouble.empty() ? std::string() : ": " + gateway.trouble),
          false};
}

// Of a sandbox that must not be idle, where nobody could tell whether it is.
Blocker NoActivityImage() {
  return {"CanaryImageMissing",
          "spec.lifecycle.idle needs the canary's image, by which a sidecar tells whether the "
          "sandbox is used, and the operator's configuration has none: set egress.images there, or "
          "remove spec.lifecycle.idle",
          false};
}

Blocker PodMutated(const std::string& change) {
  return {"PodMutated",
          "an admission plugin of the cluster changed the pod when it was created (" + change +
              "), so it was removed again; exempt pods with the label stockade.dev/sandbox from "
              "that plugin",
          false};
}

std::string Annotation(const codec::Json& object, std::string_view key) {
  return object["metadata"]["annotations"].value(std::string(key), std::string());
}

std::string Annotation(const CachedPod& pod, std::string_view key) {
  const auto found = pod.annotations->find(std::string(key));
  return found == pod.annotations->end() ? std::string() : found->second;
}

// Whether a pod was created otherwise than it was rendered, in anything by which a later reconcile
// would replace it.
bool WasMutated(const CachedPod& created, const codec::Json& rendered,
                const api::AgentSandbox& sandbox) {
  for (const std::string_view digest :
       {api::kSpecHashAnnotation, api::kProfileHashAnnotation, api::kFingerprintAnnotation}) {
    if (Annotation(created, digest) != Annotation(rendered, digest)) return true;
  }
  return created.fingerprint != Annotation(rendered, api::kFingerprintAnnotation) ||
         !Claimant(sandbox).IsOwner(created.owner);
}

// It carries the digests that the operator writes on pods.
bool IsOfOperatorsMaking(const CachedPod& pod) {
  return !Annotation(pod, api::kSpecHashAnnotation).empty() &&
         !Annotation(pod, api::kFingerprintAnnotation).empty();
}

// A pod of this sandbox's making whose owner reference somebody took off, or replaced by one to
// something else: no sandbox controls it, and it carries the operator's digests. It is never taken
// back, only removed, since nobody knows what else was done to it.
bool IsDisowned(const CachedPod& pod, const api::AgentSandbox& sandbox) {
  return Claimant(sandbox).Judge(pod) == Claimed::kStrangers &&
         pod.key.name == api::SandboxObjectName(sandbox.metadata.name) && IsOfOperatorsMaking(pod);
}

}  // namespace

SandboxReconciler::SandboxReconciler(kube::Client& client, Caches& caches,
                                     NetworkBoundary& boundary, PolicyJudge& policies,
                                     const Clock& clock, Logger& logger, Settings settings)
    : client_(client),
      caches_(caches),
      boundary_(boundary),
      policies_(policies),
      clock_(clock),
      logger_(logger),
      settings_(std::move(settings)),
      backoff_(clock),
      warnings_(clock),
      end_(client, caches, settings_.gateways) {}

runtime::ReconcileResult SandboxReconciler::Reconcile(const runtime::ObjectKey& key) {
  const auto cached = caches_.sandboxes.store().Get(key);
  if (!cached) {
    policies_.Forget(key);
    // All that was its own goes by owner references; its pod stays behind the deny-all till then.
    Status labelled = boundary_.KeepLabelled(key.namespace_name, api::SandboxObjectName(key.name));
    return {labelled.ok() ? EndOrphanedPod(key) : std::move(labelled), std::nullopt};
  }
  // As the operator starts; what is there goes on, and its status stays.
  if (WantsGateway(cached->sandbox) && !settings_.gateways->IsPrepared()) {
    return {Status::Ok(), kPreparationRetry};
  }
  const api::AgentSandbox sandbox = cached->Whole();

  Observation seen;
  // Of policies only told: what exists goes on.
  seen.by_policies = policies_.Judge(sandbox);
  JudgeTime(*cached, sandbox, seen);
  if (seen.idleness.suspend && !seen.lifetime.expired) return Suspend(*cached, sandbox);
  seen.restarts = ReadRestartCount(sandbox);
  // The pod goes first, while everything around it still stands.
  Step step;
  if (sandbox.metadata.deleting) {
    step = RemovePod(sandbox, seen);
  } else {
    const auto rendered = rendered_.Get(*cached, [&] { return JudgeAndRender(sandbox); });
    seen.findings = rendered->findings;
    step = seen.lifetime.expired ? MakeEnd(sandbox, seen) : MakeReal(sandbox, *rendered, seen);
  }
  // Nothing is said of a pod that could not be looked up.
  if (seen.unknown_pod) return {std::move(step.error), std::nullopt};
  seen.blocker = std::move(step.blocker);
  if (sandbox.metadata.deleting) {
    seen.findings = Judge(sandbox);
    seen.blocker = Blocker{"Deleting", "the sandbox is being deleted", false};
  } else if (!seen.pod && (seen.blocker || policy::HasErrors(seen.findings))) {
    // A pod without its label is in no cache, and may run all the same.
    Status labelled =
        boundary_.KeepLabelled(key.namespace_name, api::SandboxObjectName(sandbox.metadata.name));
    if (step.error.ok()) step.error = std::move(labelled);
  }
  seen.deny_all_in_place = boundary_.InPlace(key.namespace_name);
  if (WantsGateway(sandbox) && !seen.ended) ObserveGateway(sandbox, seen);
  api::StringMap labels = seen.pod ? seen.pod->labels : sandbox.spec.pod_template.labels;
  // A pod may end with the way to a gateway that its sandbox has left to others.
  if (seen.pod && seen.pod->deleting) labels.erase(std::string(api::kEgressLabel));
  seen.widened_by =
      FindWideningPolicy(sandbox, std::move(labels), seen.pod && !seen.pod->node_name.empty());

  if (step.error.ok() && IsMereProgress(seen)) {
    const auto age = backoff_.PodAge(sandbox.metadata.uid);
    if (age < kProgressGrace) {
      return {Status::Ok(), Sooner(std::chrono::ceil<milliseconds>(kProgressGrace - age),
                                   seen.lifetime.look_again)};
    }
  }
  Status written = WriteStatus(*cached, sandbox, seen);
  if (!step.requeue_after) step.requeue_after = seen.look_again;
  return {step.error.ok() ? std::move(written) : std::move(step.error),
          Sooner(step.requeue_after, seen.lifetime.look_again)};
}

void SandboxReconciler::JudgeTime(const CachedSandbox& cached, const api::AgentSandbox& sandbox,
                                  Observation& seen) {
  const api::TimePoint now = clock_.Now();
  const auto& idle = sandbox.spec.lifecycle.idle;
  const Binder binder = BinderOf(cached);
  UseSeen use;
  use.suspended_at = cached.idle_suspended;
  use.pooled = binder.kind == api::kAgentSandboxPoolKind;
  if (idle) use.entered = caches_.LastEntered(sandbox.metadata.uid);
  const auto pod = caches_.pods.store().Get(
      {sandbox.metadata.namespace_name, api::SandboxObjectName(sandbox.metadata.name)});
  if (pod && !pod->deleting && Claimant(sandbox).IsOwner(pod->owner)) {
    use.idle_exit = pod->idle_exit;
    use.agent_start = pod->oldest_start;
  }
  seen.idleness = JudgeIdleness(sandbox, use, now);
  std::optional<IdleEnd> end;
  if (seen.idleness.end) {
    end = IdleEnd{.at = *seen.idleness.end,
                  .period = *idle->delete_after,
                  .warned = warnings_.For(sandbox.metadata.uid),
                  .deletes = binder.kind.empty()};
  }
  seen.lifetime = LifetimeOf(sandbox, now, end);
  warnings_.Set(sandbox.metadata.uid,
                seen.lifetime.by_idleness && (seen.lifetime.ends_soon || seen.lifetime.expired));
}

runtime::ReconcileResult SandboxReconciler::Suspend(const CachedSandbox& cached,
                                                    const api::AgentSandbox& sandbox) {
  const codec::Json patch = {
      {"metadata",
       {{"uid", sandbox.metadata.uid}, {"resourceVersion", sandbox.metadata.resource_version}}},
      {"spec", {{"operatingMode", "Suspended"}}}};
  const auto written =
      client_.Patch(kAgentSandboxes, sandbox.metadata.namespace_name, sandbox.metadata.name,
                    kube::PatchType::kMerge, patch, {}, kIdleFieldManager);
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kNotFound) return {Status::Ok(), std::nullopt};
    return {written.status().WithContext("suspending the sandbox, which nothing uses"),
            std::nullopt};
  }
  logger_.Info("sandbox is suspended: nothing uses it",
               {{"sandbox", sandbox.metadata.namespace_name + "/" + sandbox.metadata.name}});
  auto decoded = DecodeKnownSandbox(written->root(), cached);
  if (!decoded.ok()) return {decoded.status(), std::nullopt};
  const auto change = caches_.sandboxes.store().RecordWrite(std::move(decoded).value());
  if (change && settings_.on_written) settings_.on_written(change);
  return {Status::Ok(), milliseconds(0)};
}

SandboxReconciler::Step SandboxReconciler::MakeEnd(const api::AgentSandbox& sandbox,
                                                   Observation& seen) {
  Step removed = RemovePod(sandbox, seen);
  if (!removed.Continue() || seen.pod) return removed;
  if (Step left = end_.RemoveSurroundings(sandbox); !left.Continue()) return left;
  seen.ended = true;
  if (!seen.lifetime.deletes) return {};
  // What is told in the status, and by the event that goes with it, is told before it is gone.
  if (!seen.lifetime.ended) return {std::nullopt, milliseconds(0), Status::Ok()};
  if (Step released = end_.ReleaseClaims(sandbox); !released.Continue()) return released;
  return end_.Delete(sandbox);
}

SandboxReconciler::Step SandboxReconciler::Restart(const api::AgentSandbox& sandbox,
                                                   const CachedPod& failed, Observation& seen) {
  const RestartDecision decision =
      DecideRestart(*sandbox.spec.lifecycle.restart, seen.restarts, failed, clock_.Now());
  seen.restart = decision;
  if (decision.exhausted) return {};
  seen.restarts = decision.count;
  // The pod goes only when the status has counted it.
  if (!decision.counted || decision.wait > milliseconds(0)) {
    return {std::nullopt, decision.wait, Status::Ok()};
  }
  Step deleted = DeletePod(failed, seen);
  if (deleted.error.ok() && settings_.metrics != nullptr) settings_.metrics->CountRestart();
  return deleted;
}

std::vector<policy::Finding> SandboxReconciler::Judge(const api::AgentSandbox& sandbox) const {
  const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
  return policy::EvaluateSandbox(sandbox, api::PodView(pod_template.root(), "spec.podTemplate"),
                                 settings_.facts);
}

RenderedSandbox SandboxReconciler::JudgeAndRender(const api::AgentSandbox& sandbox) const {
  RenderedSandbox rendered{Judge(sandbox), {}};
  if (policy::HasErrors(rendered.findings)) return rendered;
  rendered.desired = render::Render(sandbox, settings_.profile);
  AnnotateRenderedPod(rendered.desired.pod, sandbox.spec.pod_template);
  return rendered;
}

SandboxReconciler::Step SandboxReconciler::MakeReal(const api::AgentSandbox& sandbox,
                                                    const RenderedSandbox& rendered,
                                                    Observation& seen) {
  if (policy::HasErrors(seen.findings)) return RemovePod(sandbox, seen);

  const render::DesiredObjects& desired = rendered.desired;
  if (sandbox.spec.operating_mode == api::OperatingMode::kSuspended) {
    // Whatever is wrong around it, the pod ends.
    if (Step removed = RemovePod(sandbox, seen); !removed.Continue()) return removed;
    Step surroundings = EnsureSurroundings(sandbox, desired);
    if (!surroundings.Continue()) return surroundings;
    std::optional<EgressGateways::Way> way;
    return EnsureWay(sandbox, way, seen);
  }
  std::optional<EgressGateways::Way> way;
  Step surroundings = EnsureSurroundings(sandbox, desired);
  if (surroundings.Continue()) surroundings = EnsureWay(sandbox, way, seen);
  if (!surroundings.Continue()) {
    // A pod that runs goes on; it is shown as it is.
    const auto pod = caches_.pods.store().Get(
        {sandbox.metadata.namespace_name, api::SandboxObjectName(sandbox.metadata.name)});
    if (pod && Claimant(sandbox).IsOwner(pod->owner)) seen.pod = pod;
    return surroundings;
  }
  if (!way) return EnsurePod(sandbox, desired, nullptr, seen);
  render::DesiredObjects led = render::Render(sandbox, settings_.profile, way->egress);
  AnnotateRenderedPod(led.pod, sandbox.spec.pod_template);
  Step step = EnsurePod(sandbox, led, &*way, seen);
  pki::TimePoint renew_at = way->renew_at;
  if (step.Continue() && seen.pod && !seen.pod->deleting) {
    step = RenewIdentity(sandbox, *way, seen);
    pki::TimePoint identity_at = renew_at;
    if (seen.pod && settings_.gateways->IsCurrent(Annotation(*seen.pod, api::kIssuedAnnotation),
                                                  *way, identity_at)) {
      renew_at = std::min(renew_at, identity_at);
    }
  }
  seen.look_again =
      std::max(std::chrono::ceil<milliseconds>(renew_at - clock_.Now()), kLookAgainMin);
  return step;
}

SandboxReconciler::Step SandboxReconciler::EnsureWay(const api::AgentSandbox& sandbox,
                                                     std::optional<EgressGateways::Way>& way,
                                                     Observation& seen) {
  if (settings_.gateways == nullptr) return {};
  if (!sandbox.spec.egress) return settings_.gateways->RemoveDedicated(sandbox);
  EgressGateways::Outcome outcome = settings_.gateways->Ensure(sandbox);
  way = std::move(outcome.way);
  // Nor may it go on by the rules that it had before, which others may still share.
  if (outcome.refused || (!way && LeadsElsewhere(sandbox))) {
    if (Step removed = RemovePod(sandbox, seen); !removed.Continue()) return removed;
  }
  return std::move(outcome.step);
}

bool SandboxReconciler::LeadsElsewhere(const api::AgentSandbox& sandbox) const {
  const auto pod = caches_.pods.store().Get(
      {sandbox.metadata.namespace_name, api::SandboxObjectName(sandbox.metadata.name)});
  if (!pod) return false;
  const auto gateway = pod->labels.find(std::string(api::kEgressLabel));
  if (gateway == pod->labels.end()) return false;
  const std::string hash =
      render::EgressProfileHash(*sandbox.spec.egress, sandbox.spec.credentials);
  if (gateway->second != render::GatewayName(sandbox, hash)) return true;
  // A Dedicated gateway has one name, whatever its rules.
  const std::string rules = Annotation(*pod, api::kEgressProfileLabel);
  return !rules.empty() && rules != hash.substr(0, api::kGatewayProfileDigits);
}

void SandboxReconciler::ObserveGateway(const api::AgentSandbox& sandbox, Observation& seen) const {
  seen.has_gateway = true;
  seen.gateway = settings_.gateways->View(sandbox);
  seen.gateway_deny_all_in_place =
      settings_.gateways->DenyAllInPlace(sandbox.metadata.namespace_name);
  seen.gateway_widened_by = FindPolicyWideningGateway(caches_, sandbox, seen.gateway.name);
  if (seen.pod && !seen.pod->deleting) seen.distrust = settings_.gateways->DistrustIn(*seen.pod);
}

SandboxReconciler::Step SandboxReconciler::RenewIdentity(const api::AgentSandbox& sandbox,
                                                         const EgressGateways::Way& way,
                                                         Observation& seen) {
  const std::string note = Annotation(*seen.pod, api::kIssuedAnnotation);
  pki::TimePoint renew_at;
  if (settings_.gateways->IsCurrent(note, way, renew_at)) return {};
  auto issued = settings_.gateways->IssueIdentity(sandbox, way, !note.empty());
  if (!issued.ok()) return StepFromError(issued.status(), "the Secret of the sandbox's identity");
  const codec::Json patch = {
      {"metadata", {{"annotations", {{std::string(api::kIssuedAnnotation), *issued}}}}}};
  const CachedPod live = *seen.pod;
  return PatchPod(live, patch, "noting what was issued to the pod", seen);
}

SandboxReconciler::Step SandboxReconciler::EnsureSurroundings(
    const api::AgentSandbox& sandbox, const render::DesiredObjects& desired) {
  Status denied = boundary_.Ensure(sandbox.metadata.namespace_name);
  if (!denied.ok()) return StepFromError(std::move(denied), "NetworkPolicy stockade-deny-all");
  Step claims = EnsureClaims(sandbox, desired);
  if (!claims.Continue()) return claims;

  const std::string service_name = api::SandboxObjectName(sandbox.metadata.name);
  const auto services = ServiceKind(caches_);
  if (desired.service) {
    Step step = StepFrom(EnsureOwned(client_, services, sandbox, *desired.service), "Service",
                         service_name);
    if (!step.Continue()) return step;
  } else if (Status removed = RemoveService(sandbox, service_name); !removed.ok()) {
    return {std::nullopt, std::nullopt, std::move(removed)};
  }

  const std::string policy_name = api::IngressPolicyName(sandbox.metadata.name);
  const auto policies = PolicyKind(caches_);
  if (desired.ingress_policy) {
    return StepFrom(EnsureOwned(client_, policies, sandbox, *desired.ingress_policy),
                    "NetworkPolicy", policy_name);
  }
  return {std::nullopt, std::nullopt, RemoveOwned(client_, policies, sandbox, policy_name)};
}

Status SandboxReconciler::RemoveService(const api::AgentSandbox& sandbox, const std::string& name) {
  const auto kind = ServiceKind(caches_);
  const runtime::ObjectKey key{sandbox.metadata.namespace_name, name};
  if (!kind.store.Get(key)) {
    // Somebody may have taken off the label by which it is watched.
    const auto status = codec::JsonDocument::Parse(sandbox.status.text());
    const bool was_there = status.ok() && !status->root()["serviceFQDN"].StringOrEmpty().empty();
    if (!was_there) return Status::Ok();
    const auto live = client_.Get(kind.resource, key.namespace_name, name);
    if (!live.ok()) {
      return live.status().code() == StatusCode::kNotFound ? Status::Ok() : live.status();
    }
    auto decoded = kind.decode(live->root());
    if (!decoded.ok()) return decoded.status();
    kind.store.RecordWrite(std::move(decoded).value());
  }
  return RemoveOwned(client_, kind, sandbox, name);
}

SandboxReconciler::Step SandboxReconciler::EnsureClaims(const api::AgentSandbox& sandbox,
                                                        const render::DesiredObjects& desired) {
  const auto kind = ClaimKind(caches_);
  for (const codec::Json& claim : desired.claims) {
    const auto name = claim["metadata"]["name"].get<std::string>();
    Step step = StepFrom(EnsureOwned(client_, kind, sandbox, claim), "PersistentVolumeClaim", name);
    if (!step.Continue()) return step;
    const auto live = caches_.claims.store().Get({sandbox.metadata.namespace_name, name});
    if (!live) continue;
    if (std::string difference = DescribeImmutableDifference(*live, claim); !difference.empty()) {
      return {Blocker{"ClaimImmutable",
                      "PersistentVolumeClaim \"" + name + "\" differs from its template in " +
                          difference +
                          ", which cannot change once it exists; undo the change in "
                          "spec.volumeClaimTemplates or use a template of another name",
                      true},
              kStalledRetry, Status::Ok()};
    }
  }
  return {};
}

SandboxReconciler::Step SandboxReconciler::EnsurePod(const api::AgentSandbox& sandbox,
                                                     const render::DesiredObjects& desired,
                                                     const EgressGateways::Way* way,
                                                     Observation& seen) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name,
                               api::SandboxObjectName(sandbox.metadata.name)};
  std::shared_ptr<const CachedPod> live = caches_.pods.store().Get(key);
  if (!live) {
    if (const std::string policy =
            FindWideningPolicy(sandbox, LabelsOf(desired.pod), /*has_node=*/false);
        !policy.empty()) {
      return {WidenedBy(policy, "the pod is not created"), std::nullopt, Status::Ok()};
    }
    if (way != nullptr && !settings_.gateways->IsReady(sandbox, *way)) {
      return {GatewayNotReady(settings_.gateways->View(sandbox)), std::nullopt, Status::Ok()};
    }
    Step created = CreatePod(sandbox, desired.pod, way, seen);
    if (!created.Continue() || seen.pod || policy::HasErrors(seen.findings)) return created;
    // The name is taken by a pod that the cache does not show: it may have lost its label.
    const auto existing = GetPod(key);
    if (!existing.ok()) return {std::nullopt, std::nullopt, existing.status()};
    live = *existing;
  }
  if (IsDisowned(*live, sandbox)) {
    logger_.Warning("pod is created anew: somebody took its owner reference off",
                    {{"sandbox", sandbox.metadata.namespace_name + "/" + sandbox.metadata.name}});
    Tell({RepairEvent(ReferenceTo(sandbox), "pod \"" + key.name +
                                                "\" is created anew: somebody took its owner "
                                                "reference off")});
    return RemovePod(sandbox, seen);
  }
  switch (Claimant(sandbox).Judge(live->owner, live->labels, /*deleting=*/false)) {
    case Claimed::kStrangers:
      return {NameConflict("Pod", key.name), kStalledRetry, Status::Ok()};
    case Claimed::kWaiting:
      return {FormerSelf("Pod", key.name), kFormerSelfRetry, Status::Ok()};
    case Claimed::kOurs:
      break;
  }
  seen.pod = live;
  // Labels first, whatever the pod's state: without its label the deny-all does not select it.
  Step labelled = AdoptMetadata(sandbox, *live, desired.pod, seen);
  if (!labelled.Continue() || live->deleting) return labelled;
  if (live->phase == "Pending") {
    // The policy came between the pod's creation and its start.
    const bool has_node = !live->node_name.empty();
    if (const std::string policy = FindWideningPolicy(sandbox, live->labels, has_node);
        !policy.empty()) {
      Step removed = DeletePod(*live, seen);
      if (removed.error.ok()) removed.blocker = WidenedBy(policy, "the pod is not started");
      return removed;
    }
  }

  const std::string profile_hash = Annotation(*live, api::kProfileHashAnnotation);
  const std::string wanted_hash = Annotation(desired.pod, api::kProfileHashAnnotation);
  seen.outdated = profile_hash != wanted_hash;
  const bool spec_changed = Annotation(*live, api::kSpecHashAnnotation) !=
                            Annotation(desired.pod, api::kSpecHashAnnotation);
  // An outdated pod is compared with what it was rendered as, every other with what it should be.
  const std::string expected = seen.outdated ? Annotation(*live, api::kFingerprintAnnotation)
                                             : Annotation(desired.pod, api::kFingerprintAnnotation);
  if (spec_changed || profile_hash.empty() || live->fingerprint != expected) {
    logger_.Info(spec_changed ? "pod is created anew: the sandbox's spec changed"
                              : "pod is created anew: somebody changed it",
                 {{"sandbox", sandbox.metadata.namespace_name + "/" + sandbox.metadata.name}});
    if (!spec_changed) {
      Tell({RepairEvent(ReferenceTo(sandbox),
                        "pod \"" + key.name + "\" is created anew: somebody changed it")});
    }
    return DeletePod(*live, seen);
  }
  const PodDiagnosis diagnosis = DiagnosePod(*live);
  if (diagnosis.outcome == PodOutcome::kFinished && live->phase == "Failed" &&
      sandbox.spec.lifecycle.restart) {
    return Restart(sandbox, *live, seen);
  }
  if (diagnosis.outcome == PodOutcome::kLost) {
    const auto wait = backoff_.UntilRestart(sandbox.metadata.uid, live->uid);
    if (wait > std::chrono::nanoseconds::zero()) {
      return {std::nullopt, std::chrono::ceil<milliseconds>(wait), Status::Ok()};
    }
    return DeletePod(*live, seen);
  }
  return {};
}

SandboxReconciler::Step SandboxReconciler::CreatePod(const api::AgentSandbox& sandbox,
                                                     const codec::Json& pod,
                                                     const EgressGateways::Way* way,
                                                     Observation& seen) {
  const std::string& runtime_class = settings_.profile.RuntimeClassFor(sandbox.spec.isolation);
  if (!runtime_class.empty() && !caches_.runtime_classes.store().Get({"", runtime_class})) {
    return {Blocker{"RuntimeClassMissing",
                    "RuntimeClass \"" + runtime_class + "\", which isolation " +
                        std::string(api::IsolationName(sandbox.spec.isolation)) +
                        " means here, does not exist; install the runtime and create the "
                        "RuntimeClass. No weaker one is used instead",
                    false},
            std::nullopt, Status::Ok()};
  }
  if (sandbox.spec.lifecycle.idle && settings_.profile.activity.image.empty()) {
    return {NoActivityImage(), std::nullopt, Status::Ok()};
  }
  const codec::JsonDocument document = codec::ParseTrusted(pod);
  auto findings = policy::EvaluateRenderedPod(api::PodView(document.root(), ""), runtime_class,
                                              settings_.facts);
  if (policy::HasErrors(findings)) {
    seen.findings = std::move(findings);
    return {};
  }

  if (const auto mutated =
          mutated_.Find(sandbox.metadata.uid, Annotation(pod, api::kSpecHashAnnotation))) {
    const auto wait = backoff_.UntilRestart(sandbox.metadata.uid, mutated->pod_uid);
    if (wait > std::chrono::nanoseconds::zero()) {
      return {PodMutated(mutated->message), std::chrono::ceil<milliseconds>(wait), Status::Ok()};
    }
  }

  const std::string& namespace_name = sandbox.metadata.namespace_name;
  const auto hold = boundary_.Hold(namespace_name);
  if (Status denied = boundary_.Ensure(namespace_name); !denied.ok()) {
    return {std::nullopt, std::nullopt, std::move(denied)};
  }
  codec::Json wanted = pod;
  if (way != nullptr) {
    // Anew for each pod: whatever became of the Secret, the pod finds what it can begin with.
    auto issued = settings_.gateways->IssueIdentity(sandbox, *way, /*existed=*/false);
    if (!issued.ok()) {
      return StepFromError(issued.status(), "the Secret of the sandbox's identity");
    }
    codec::Json& annotations = wanted["metadata"]["annotations"];
    annotations[std::string(api::kIssuedAnnotation)] = *issued;
    annotations[std::string(api::kTrustedAnnotation)] = TrustNote(*way->authorities);
  }
  const auto created = client_.Create(kube::kPods, namespace_name, wanted);
  if (created.status().code() == StatusCode::kAlreadyExists) return {};
  if (!created.ok()) {
    Step refused = StepFromError(created.status(), "the pod");
    if (!refused.error.ok()) refused.error = refused.error.WithContext("creating the pod");
    return refused;
  }
  backoff_.PodCreated(sandbox.metadata.uid);
  Step recorded = RecordPod(created->root(), seen);
  if (!recorded.Continue()) return recorded;
  if (WasMutated(*seen.pod, pod, sandbox)) {
    return RemoveMutated(sandbox, document.root(), created->root(), seen);
  }
  mutated_.Forget(sandbox.metadata.uid);
  return recorded;
}

SandboxReconciler::Step SandboxReconciler::RemoveMutated(const api::AgentSandbox& sandbox,
                                                         codec::JsonView rendered,
                                                         codec::JsonView created,
                                                         Observation& seen) {
  const std::string message = DescribeMutation(rendered, created);
  const std::string hash(
      rendered["metadata"]["annotations"][api::kSpecHashAnnotation].StringOrEmpty());
  mutated_.Record(sandbox.metadata.uid, {hash, seen.pod->uid, message});
  logger_.Warning("admission changed the pod when it was created, so it is removed again",
                  {{"sandbox", sandbox.metadata.namespace_name + "/" + sandbox.metadata.name},
                   {"change", message}});
  const auto wait = backoff_.UntilRestart(sandbox.metadata.uid, seen.pod->uid);
  Step deleted = DeletePod(*seen.pod, seen);
  if (!deleted.error.ok()) return deleted;
  return {PodMutated(message), std::chrono::ceil<milliseconds>(wait), Status::Ok()};
}

SandboxReconciler::Step SandboxReconciler::RecordPod(codec::JsonView pod, Observation& seen) {
  auto decoded = DecodePod(pod);
  if (!decoded.ok()) return {std::nullopt, std::nullopt, decoded.status()};
  seen.pod = std::make_shared<const CachedPod>(*decoded);
  caches_.pods.store().RecordWrite(std::move(decoded).value());
  return {};
}

SandboxReconciler::Step SandboxReconciler::AdoptMetadata(const api::AgentSandbox& sandbox,
                                                         const CachedPod& live,
                                                         const codec::Json& rendered,
                                                         Observation& seen) {
  auto patch = MetadataPatch(live, rendered);
  if (!patch) return {};
  const bool has_node = !live.node_name.empty();
  if (patch->at("metadata").contains("labels") &&
      live.labels.contains(std::string(api::kSandboxLabel)) &&
      FindWideningPolicy(sandbox, live.labels, has_node).empty()) {
    const api::StringMap labels = WithPatch(live.labels, (*patch)["metadata"]["labels"]);
    if (const std::string policy = FindWideningPolicy(sandbox, labels, has_node); !policy.empty()) {
      return {WidenedBy(policy, "the pod does not get the labels of the template"), std::nullopt,
              Status::Ok()};
    }
  }
  return PatchPod(live, *std::move(patch), "labelling the pod", seen);
}

SandboxReconciler::Step SandboxReconciler::PatchPod(const CachedPod& live, codec::Json patch,
                                                    std::string_view doing, Observation& seen) {
  patch["metadata"]["uid"] = live.uid;
  const auto patched = client_.Patch(kube::kPods, live.key.namespace_name, live.key.name,
                                     kube::PatchType::kMerge, patch);
  if (!patched.ok()) return {std::nullopt, std::nullopt, patched.status().WithContext(doing)};
  return RecordPod(patched->root(), seen);
}

SandboxReconciler::Step SandboxReconciler::DeletePod(const CachedPod& pod, Observation& seen) {
  kube::DeleteOptions options;
  options.uid = pod.uid;
  const auto deleted = client_.Delete(kube::kPods, pod.key.namespace_name, pod.key.name, options);
  if (deleted.ok()) {
    // The answer shows the pod as it ends; only the watch tells when it is gone.
    CachedPod ending = pod;
    ending.deleting = true;
    ending.resource_version =
        std::max(pod.resource_version, runtime::VersionOf(deleted->root()["metadata"]));
    seen.pod = std::make_shared<const CachedPod>(ending);
    caches_.pods.store().RecordWrite(std::move(ending));
    return {};
  }
  if (deleted.status().code() == StatusCode::kNotFound) {
    caches_.pods.store().RecordDelete(pod.key, pod.uid);
    seen.pod = nullptr;
    // Whatever is to follow starts from here.
    return {std::nullopt, milliseconds(0), Status::Ok()};
  }
  return {std::nullopt, std::nullopt, deleted.status().WithContext("deleting the pod")};
}

Status SandboxReconciler::EndOrphanedPod(const runtime::ObjectKey& sandbox) {
  const auto pod =
      caches_.pods.store().Get({sandbox.namespace_name, api::SandboxObjectName(sandbox.name)});
  if (!pod || pod->deleting || !pod->owner.uid.empty() || !IsOfOperatorsMaking(*pod)) {
    return Status::Ok();
  }
  logger_.Info("the pod of a sandbox that was deleted without it is ended",
               {{"sandbox", sandbox.namespace_name + "/" + sandbox.name}});
  Observation unused;
  return DeletePod(*pod, unused).error;
}

SandboxReconciler::Step SandboxReconciler::RemovePod(const api::AgentSandbox& sandbox,
                                                     Observation& seen) {
  const auto found = FindOwnPod(sandbox);
  if (!found.ok()) {
    seen.unknown_pod = true;
    return {std::nullopt, std::nullopt, found.status()};
  }
  const std::shared_ptr<const CachedPod>& live = *found;
  if (!live) return {};
  seen.pod = live;
  Status label_error;
  const auto label = live->labels.find(std::string(api::kSandboxLabel));
  if (label == live->labels.end() || label->second != sandbox.metadata.name) {
    // Without its label the deny-all does not select it while it ends.
    const auto labelled =
        boundary_.PutLabelBack(live->key.namespace_name, live->key.name, live->uid);
    label_error = labelled.status();
    if (labelled.ok()) seen.pod = *labelled;
    if (!seen.pod) return {std::nullopt, milliseconds(0), Status::Ok()};
  }
  // It ends whatever became of its label.
  Step removed = seen.pod->deleting ? Step{} : DeletePod(CachedPod(*seen.pod), seen);
  if (removed.error.ok()) removed.error = std::move(label_error);
  return removed;
}

Result<std::shared_ptr<const CachedPod>> SandboxReconciler::GetPod(const runtime::ObjectKey& key) {
  const auto live = client_.Get(kube::kPods, key.namespace_name, key.name);
  if (!live.ok()) return live.status();
  auto decoded = DecodePod(live->root());
  if (!decoded.ok()) return decoded.status();
  return std::make_shared<const CachedPod>(std::move(decoded).value());
}

Result<std::shared_ptr<const CachedPod>> SandboxReconciler::FindOwnPod(
    const api::AgentSandbox& sandbox) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name,
                               api::SandboxObjectName(sandbox.metadata.name)};
  std::shared_ptr<const CachedPod> pod = caches_.pods.store().Get(key);
  if (!pod) {
    const auto live = GetPod(key);
    if (live.status().code() == StatusCode::kNotFound) return pod;
    if (!live.ok()) return live.status();
    pod = *live;
  }
  if (Claimant(sandbox).IsOwner(pod->owner) || IsDisowned(*pod, sandbox)) return pod;
  return std::shared_ptr<const CachedPod>();
}

std::string SandboxReconciler::FindWideningPolicy(const api::AgentSandbox& sandbox,
                                                  api::StringMap labels, bool has_node) const {
  return FindPolicyWideningPod(caches_, sandbox,
                               WantsGateway(sandbox) ? render::GatewayName(sandbox) : std::string(),
                               std::move(labels), has_node);
}

Status SandboxReconciler::WriteStatus(const CachedSandbox& cached, const api::AgentSandbox& sandbox,
                                      const Observation& seen) {
  const codec::Json status = ComputeStatus(sandbox, seen, settings_.profile, clock_.Now());
  const codec::Json before = sandbox.status.ToJson();
  if (status == before) return Status::Ok();
  const codec::Json patch = StatusPatch(sandbox.metadata.uid, before, status);
  const auto written =
      client_.Patch(kAgentSandboxes, sandbox.metadata.namespace_name, sandbox.metadata.name,
                    kube::PatchType::kMerge, patch, "status");
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kNotFound) return Status::Ok();
    return written.status().WithContext("writing the status");
  }
  auto decoded = DecodeKnownSandbox(written->root(), cached);
  if (!decoded.ok()) return decoded.status();
  Measure(sandbox, seen.lifetime, before, status);
  const auto change = caches_.sandboxes.store().RecordWrite(std::move(decoded).value());
  if (change && settings_.on_written) settings_.on_written(change);
  Tell(EventsOfChange(sandbox, before, status));
  return Status::Ok();
}

void SandboxReconciler::Measure(const api::AgentSandbox& sandbox, const SandboxLifetime& lifetime,
                                const codec::Json& before, const codec::Json& after) const {
  if (settings_.metrics == nullptr) return;
  if (IsReady(after) && !IsReady(before)) {
    settings_.metrics->ObserveReady(sandbox.spec.isolation, backoff_.PodAge(sandbox.metadata.uid));
  }
  if (IsExpired(after) && !IsExpired(before)) {
    settings_.metrics->CountExpired(lifetime.deletes ? api::ShutdownPolicy::kDelete
                                                     : api::ShutdownPolicy::kRetain);
  }
}

void SandboxReconciler::Tell(std::vector<runtime::Event> events) {
  RecordAll(settings_.events, std::move(events));
}

}  // namespace stockade::sandbox_operator
