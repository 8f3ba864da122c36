#include "operator/claim_reconciler.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "operator/binding_events.h"
#include "operator/conditions.h"
#include "operator/pool_plan.h"
#include "policy/sandbox_claims.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::milliseconds;

// What the API server has refused of so many sandboxes that are alike it refuses of all of them.
constexpr int kRefusedTries = 3;

Binder BinderFor(const CachedSandboxClaim& cached) {
  return {api::kAgentSandboxClaimKind, cached.key};
}

// What a claim sets that its template does not let it set; nothing when that is nothing.
std::optional<Blocker> ExplainNotAllowed(const char* reason, const std::string& field,
                                         const std::string& list,
                                         const std::vector<std::string>& refused,
                                         const CachedSandboxTemplate& made_from) {
  if (refused.empty()) return std::nullopt;
  std::string names;
  for (const std::string& name : refused) names += (names.empty() ? "" : ", ") + name;
  return Blocker{reason,
                 field + " sets what the template \"" + made_from.key.name +
                     "\" does not let claims set: " + names + "; leave it out, or add it to " +
                     list + " of the template",
                 false};
}

std::optional<Blocker> ExplainNotAllowed(const api::AgentSandboxClaim& claim,
                                         const CachedSandboxTemplate& made_from) {
  const policy::NotAllowed refused = policy::WhatIsNotAllowed(claim, made_from.made_from);
  if (auto why = ExplainNotAllowed("EnvNotAllowed", "spec.env", "spec.claims.env",
                                   refused.variables, made_from)) {
    return why;
  }
  if (auto why = ExplainNotAllowed("MetadataNotAllowed", "spec.podMetadata.labels",
                                   "spec.claims.labels", refused.labels, made_from)) {
    return why;
  }
  return ExplainNotAllowed("MetadataNotAllowed", "spec.podMetadata.annotations",
                           "spec.claims.annotations", refused.annotations, made_from);
}

bool Owns(const CachedSandboxClaim& cached, const CachedSandbox& sandbox) {
  return BinderOf(sandbox).kind == api::kAgentSandboxClaimKind &&
         BinderUidOf(sandbox) == cached.uid;
}

}  // namespace

ClaimReconciler::ClaimReconciler(kube::Client& client, Caches& caches, SandboxBinder& binder,
                                 const Clock& clock, Logger& logger, BindingMetrics* metrics,
                                 runtime::EventRecorder* events)
    : client_(client),
      caches_(caches),
      binder_(binder),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      events_(events) {}

runtime::ReconcileResult ClaimReconciler::Reconcile(const runtime::ObjectKey& key) {
  const auto cached = caches_.sandbox_claims.store().Get(key);
  Status orphans = binder_.RemoveOrphans(kAgentSandboxClaims, {api::kAgentSandboxClaimKind, key},
                                         cached ? cached->uid : std::string());
  if (!cached) return {std::move(orphans), std::nullopt};
  std::vector<BoundSandbox> own;
  for (const auto& sandbox : OwnOf(*cached)) own.push_back(LookAt(*sandbox));
  if (cached->claim.metadata.deleting) {
    // A finalizer of somebody's holds it up; its sandbox goes all the same.
    return {Remove(*cached, own, {.as_known = false, .foreground = true}), std::nullopt};
  }
  if (Status known = FindKnown(*cached, own); !known.ok()) return {std::move(known), std::nullopt};
  const ClaimPlan plan = PlanClaim(cached->claim, own, clock_.Now());
  if (plan.delete_claim) return {DeleteClaim(*cached), std::nullopt};

  ClaimOutcome outcome;
  outcome.bound = plan.bound;
  outcome.end = plan.end;
  const Source source = Resolve(*cached);
  outcome.source = source.made_from.problem;
  ReconcileStep step;
  if (plan.bind) {
    step = Bind(*cached, source, outcome);
    outcome.blocker = step.blocker;
  }
  const bool ended_now =
      plan.end != ClaimEnd::kNone && ReadHistory(cached->claim).end == ClaimEnd::kNone;
  Status written = step.error.ok() ? WriteStatus(*cached, outcome) : Status::Ok();
  // What a claim leaves goes once it is said to be finished, so that nobody makes it anew.
  Status removed = written.ok() ? Remove(*cached, plan.remove, {}) : Status::Ok();
  for (Status* status : {&step.error, &written, &removed, &orphans}) {
    if (!status->ok()) return {std::move(*status), std::nullopt};
  }
  std::optional<milliseconds> again = plan.look_again;
  if (step.requeue_after)
    again = std::min(again.value_or(*step.requeue_after), *step.requeue_after);
  // Its time begins when it is first told to have a sandbox, and nothing else may happen to it.
  const bool begun = outcome.bound && !ReadHistory(cached->claim).bound_at;
  if (ended_now || begun) again = milliseconds(0);
  return {Status::Ok(), again};
}

ClaimReconciler::Source ClaimReconciler::Resolve(const CachedSandboxClaim& cached) const {
  const api::AgentSandboxClaimSpec& spec = cached.claim.spec;
  Source source;
  std::string template_name = spec.template_name;
  if (!spec.pool_name.empty()) {
    source.pool = caches_.sandbox_pools.store().Get({cached.key.namespace_name, spec.pool_name});
    if (!source.pool) {
      source.made_from.problem =
          Blocker{"PoolNotFound",
                  "there is no AgentSandboxPool \"" + spec.pool_name +
                      "\" in the namespace; create it, or claim from another one",
                  false};
      return source;
    }
    template_name = source.pool->pool.spec.template_name;
  }
  source.made_from = binder_.Resolve(cached.key.namespace_name, template_name, cached.claim);
  if (source.made_from.made_from) {
    if (auto refused = ExplainNotAllowed(cached.claim, *source.made_from.made_from)) {
      source.made_from = {nullptr, std::move(refused)};
    }
  }
  return source;
}

bool ClaimReconciler::IsCurrent(const Source& source) const {
  const CachedSandboxTemplate& made_from = *source.made_from.made_from;
  const auto now = caches_.sandbox_templates.store().Get(made_from.key);
  return now && now->revision == made_from.revision;
}

bool ClaimReconciler::AgentHasEnded(const CachedSandbox& sandbox) const {
  const auto pod = caches_.pods.store().Get(
      {sandbox.key.namespace_name, api::SandboxObjectName(sandbox.key.name)});
  return pod && (pod->deleting || pod->phase == "Failed" || pod->phase == "Succeeded");
}

std::vector<SandboxBinder::Ptr> ClaimReconciler::OwnOf(const CachedSandboxClaim& cached) const {
  std::vector<SandboxBinder::Ptr> own;
  for (auto& sandbox : caches_.BoundTo(BinderFor(cached))) {
    if (BinderUidOf(*sandbox) == cached.uid) own.push_back(std::move(sandbox));
  }
  return own;
}

Status ClaimReconciler::FindKnown(const CachedSandboxClaim& cached,
                                  std::vector<BoundSandbox>& own) {
  const ClaimHistory history = ReadHistory(cached.claim);
  if (history.sandbox_uid.empty() || history.end != ClaimEnd::kNone ||
      std::ranges::find(own, history.sandbox_uid, &BoundSandbox::uid) != own.end()) {
    return Status::Ok();
  }
  const auto live = binder_.Get({cached.key.namespace_name, history.sandbox_name});
  if (!live.ok()) {
    return live.status().code() == StatusCode::kNotFound ? Status::Ok() : live.status();
  }
  const bool known = (*live)->uid == history.sandbox_uid && Owns(cached, **live);
  if (known && !(*live)->sandbox.metadata.deleting) own.push_back(LookAt(**live));
  return Status::Ok();
}

ReconcileStep ClaimReconciler::Bind(const CachedSandboxClaim& cached, const Source& source,
                                    ClaimOutcome& outcome) {
  if (!source.made_from.made_from) return {};
  if (source.pool && cached.claim.spec.env.empty()) {
    const auto adopted = AdoptOne(cached, source, outcome);
    if (!adopted.ok()) return {std::nullopt, std::nullopt, adopted.status()};
    if (*adopted) return {};
  }
  if (!IsCurrent(source)) return {std::nullopt, milliseconds(0), Status::Ok()};
  return CreateOne(cached, *source.made_from.made_from, outcome);
}

Result<bool> ClaimReconciler::AdoptOne(const CachedSandboxClaim& cached, const Source& source,
                                       ClaimOutcome& outcome) {
  auto members = caches_.BoundTo({api::kAgentSandboxPoolKind, source.pool->key});
  std::ranges::sort(members, {}, [](const SandboxBinder::Ptr& member) {
    return std::tie(member->created, member->key.name);
  });
  std::map<std::string, int> refused;  // by the template's revision
  for (const SandboxBinder::Ptr& member : members) {
    // To look at one is dear, and the first that can be claimed is enough.
    if (BinderUidOf(*member) != source.pool->uid || AgentHasEnded(*member) ||
        !CanBeClaimed(binder_.Look(*member), source.pool->pool.spec,
                      source.made_from.made_from->revision, clock_.Now())) {
      continue;
    }
    if (!IsCurrent(source)) return false;
    int& refused_like_it = refused[LookAt(*member).revision];
    if (refused_like_it >= kRefusedTries) continue;
    const auto adopted = binder_.Adopt(*member, cached);
    if (adopted.ok()) {
      outcome.bound = LookAt(**adopted);
      return true;
    }
    // Somebody else was faster, it has just changed, or the API server does not let this one be
    // given to this claim: the next one.
    const StatusCode code = adopted.status().code();
    if (ExplainSandboxRefused(adopted.status())) {
      ++refused_like_it;
    } else if (code != StatusCode::kConflict && code != StatusCode::kNotFound) {
      return adopted.status().WithContext("claiming AgentSandbox " + member->key.name);
    }
  }
  return false;
}

ReconcileStep ClaimReconciler::CreateOne(const CachedSandboxClaim& cached,
                                         const CachedSandboxTemplate& made_from,
                                         ClaimOutcome& outcome) {
  const auto created =
      binder_.Create(BinderFor(cached), cached.uid, cached.key.name, made_from, cached.claim);
  if (created.ok()) {
    outcome.bound = LookAt(**created);
    return {};
  }
  if (created.status().code() == StatusCode::kAlreadyExists) return TakeExisting(cached, outcome);
  if (auto refused = ExplainSandboxRefused(created.status())) {
    return {std::move(refused), kRefusedRetry, Status::Ok()};
  }
  return {std::nullopt, std::nullopt, created.status().WithContext("creating the sandbox")};
}

ReconcileStep ClaimReconciler::TakeExisting(const CachedSandboxClaim& cached,
                                            ClaimOutcome& outcome) {
  const auto live = binder_.Get(cached.key);
  if (live.status().code() == StatusCode::kNotFound) {
    return {std::nullopt, milliseconds(0), Status::Ok()};
  }
  if (!live.ok()) return {std::nullopt, std::nullopt, live.status()};
  const CachedSandbox& sandbox = **live;
  const bool former = BinderOf(sandbox).ToString() == BinderFor(cached).ToString();
  if (Owns(cached, sandbox) && !sandbox.sandbox.metadata.deleting) {
    // Of a write whose answer was lost.
    outcome.bound = LookAt(sandbox);
    return {};
  }
  if (former) return {FormerSelf("AgentSandbox", cached.key.name), kFormerSelfRetry, Status::Ok()};
  Blocker taken{"NameConflict",
                "the sandbox of this claim is called \"" + cached.key.name +
                    "\" as the claim, and another AgentSandbox of that name is not its own; delete "
                    "that one, or create the claim under another name",
                true};
  return {std::move(taken), kStalledRetry, Status::Ok()};
}

Status ClaimReconciler::Remove(const CachedSandboxClaim& cached,
                               const std::vector<BoundSandbox>& sandboxes, Removal removal) {
  for (const BoundSandbox& seen : sandboxes) {
    const auto sandbox = caches_.sandboxes.store().Get({cached.key.namespace_name, seen.name});
    if (!sandbox || sandbox->uid != seen.uid || sandbox->sandbox.metadata.deleting) continue;
    logger_.Info("a claim gives its sandbox back",
                 {{"claim", cached.key.ToString()}, {"sandbox", seen.name}});
    if (Status removed = binder_.Remove(*sandbox, removal); !removed.ok()) {
      return removed;
    }
  }
  return Status::Ok();
}

Status ClaimReconciler::DeleteClaim(const CachedSandboxClaim& cached) {
  kube::DeleteOptions options;
  options.uid = cached.uid;
  options.resource_version = cached.claim.metadata.resource_version;
  options.propagation_policy = "Background";
  const auto deleted =
      client_.Delete(kAgentSandboxClaims, cached.key.namespace_name, cached.key.name, options);
  if (!deleted.ok() && deleted.status().code() != StatusCode::kNotFound) {
    return deleted.status().WithContext("deleting the finished claim");
  }
  return Status::Ok();
}

Status ClaimReconciler::WriteStatus(const CachedSandboxClaim& cached, const ClaimOutcome& outcome) {
  const codec::Json before = cached.claim.status.ToJson();
  codec::Json status = ComputeClaimStatus(cached.claim, outcome, clock_.Now());
  if (status == before) return Status::Ok();
  const ClaimHistory history = ReadHistory(cached.claim);
  const bool was_ready = history.ready_at.has_value();
  const bool ready = status.contains("readyAt");
  const bool warm = status.value("warm", false);
  codec::Json patch = StatusPatch(cached.uid, before, status);
  // Only of a claim that is known as it is: an operator that led before may have ended it, which is
  // for good, or have told it of another sandbox, which it would lose.
  patch["metadata"]["resourceVersion"] = cached.claim.metadata.resource_version;
  const auto written = client_.Patch(kAgentSandboxClaims, cached.key.namespace_name,
                                     cached.key.name, kube::PatchType::kMerge, patch, "status");
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kNotFound) return Status::Ok();
    return written.status().WithContext("writing the status of the claim");
  }
  auto decoded = DecodeSandboxClaim(written->root());
  if (!decoded.ok()) return decoded.status();
  caches_.sandbox_claims.store().RecordWrite(std::move(decoded).value());
  if (ready && !was_ready && metrics_ != nullptr) {
    metrics_->ClaimReady(cached, warm, clock_.SinceBoot());
  }
  RecordAll(events_, EventsOfChange(cached.claim, before, status));
  return Status::Ok();
}

}  // namespace stockade::sandbox_operator
