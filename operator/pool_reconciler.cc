#include "operator/pool_reconciler.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "operator/binding_events.h"
#include "operator/claim_plan.h"
#include "operator/conditions.h"
#include "operator/reconcile_step.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// A claim that gets a sandbox at that moment keeps it.
constexpr Removal kAsKnown{.as_known = true, .foreground = false};

constexpr seconds kFirstBackoff{10};
constexpr seconds kMaxBackoff{300};
constexpr int kMaxDoublings = 5;
// Of names that turn out to be taken, in a row.
constexpr int kNameTries = 3;

// As Kubernetes makes names: no vowels, which could make words, and nothing that looks alike.
std::string RandomSuffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  static thread_local std::mt19937_64 random{std::random_device{}()};
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::string suffix;
  for (std::size_t i = 0; i < api::kPoolSuffixBytes; ++i) suffix += kLetters[letter(random)];
  return suffix;
}

Binder BinderFor(const CachedSandboxPool& cached) {
  return {api::kAgentSandboxPoolKind, cached.key};
}

// A pool's own sandboxes are those of a claim that adds nothing.
const api::AgentSandboxClaim& NoClaim() {
  static const api::AgentSandboxClaim none;
  return none;
}

}  // namespace

PoolReconciler::PoolReconciler(kube::Client& client, Caches& caches, SandboxBinder& binder,
                               const Clock& clock, Logger& logger, BindingMetrics* metrics,
                               runtime::EventRecorder* events)
    : client_(client),
      caches_(caches),
      binder_(binder),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      events_(events) {}

runtime::ReconcileResult PoolReconciler::Reconcile(const runtime::ObjectKey& key) {
  const auto cached = caches_.sandbox_pools.store().Get(key);
  Status orphans = binder_.RemoveOrphans(kAgentSandboxPools, {api::kAgentSandboxPoolKind, key},
                                         cached ? cached->uid : std::string());
  if (!cached) return {std::move(orphans), std::nullopt};
  const api::AgentSandboxPool& pool = cached->pool;
  if (pool.metadata.deleting) {
    // A finalizer of somebody's holds it up; its sandboxes go all the same.
    return {Remove(*cached, Look(*cached, {}).members, {.as_known = true, .foreground = true}),
            std::nullopt};
  }

  const TemplateSource source =
      binder_.Resolve(key.namespace_name, pool.spec.template_name, NoClaim());
  PoolSituation situation = Look(*cached, source);
  const PoolPlan plan = PlanPool(pool.spec, situation);
  std::optional<Blocker> blocker;
  std::int64_t replaced = 0;
  Status removed = Remove(*cached, plan.failed, kAsKnown, &replaced);
  if (replaced > 0) {
    // What is gone is no member any more, whatever became of the others.
    Failed(cached->uid, replaced, std::nullopt);
    if (metrics_ != nullptr) metrics_->MembersReplaced(replaced);
  }
  if (removed.ok()) removed = Remove(*cached, plan.remove, kAsKnown);
  Status created = plan.create > 0 && source.made_from
                       ? Create(*cached, *source.made_from, plan.create, blocker)
                       : Status::Ok();
  // What the API server refuses it refuses all of them.
  if (blocker) Failed(cached->uid, pool.spec.replicas, blocker);
  // As it is now, after what was written.
  if (replaced > 0 || !plan.remove.empty() || plan.create > 0) situation = Look(*cached, source);
  const codec::Json status = ComputePoolStatus(pool, situation, source.problem,
                                               blocker ? blocker : LastRefusal(cached->uid));
  if (status["readyReplicas"].get<std::int64_t>() >= pool.spec.replicas) {
    ForgetFailures(cached->uid);
  } else {
    Succeeded(cached->uid, situation.members);
  }
  Status written = WriteStatus(*cached, status);
  for (Status* each : {&removed, &created, &written, &orphans}) {
    if (!each->ok()) return {std::move(*each), std::nullopt};
  }
  std::optional<milliseconds> again = plan.look_again;
  if (replaced > 0 || blocker) {
    const milliseconds wait = std::max(UntilNext(cached->uid), milliseconds(10));
    again = std::min(again.value_or(wait), wait);
  } else if (plan.create > 0) {
    // They may be stuck, of which no event tells.
    const milliseconds stuck = seconds(pool.spec.startup_timeout_seconds);
    again = std::min(again.value_or(stuck), stuck);
  }
  return {Status::Ok(), again};
}

PoolSituation PoolReconciler::Look(const CachedSandboxPool& cached,
                                   const TemplateSource& source) const {
  PoolSituation situation;
  for (const auto& sandbox : caches_.BoundTo(BinderFor(cached))) {
    if (BinderUidOf(*sandbox) == cached.uid) situation.members.push_back(binder_.Look(*sandbox));
  }
  if (source.made_from) situation.revision = source.made_from->revision;
  situation.claims_waiting = CountWaitingClaims(cached);
  situation.quiet_for = binder_.SinceAdoption(cached.uid);
  situation.backoff = UntilNext(cached.uid);
  situation.waiting_replacements = WaitingReplacements(cached.uid);
  situation.now = clock_.Now();
  return situation;
}

std::int64_t PoolReconciler::CountWaitingClaims(const CachedSandboxPool& pool) const {
  const auto now = clock_.Now();
  const seconds patience(pool.pool.spec.startup_timeout_seconds);
  return std::ranges::count_if(caches_.ClaimsOfPool(pool.key), [&](const auto& cached) {
    return !cached->claim.metadata.deleting && IsOnItsWay(cached->claim, now, patience);
  });
}

Status PoolReconciler::Remove(const CachedSandboxPool& cached,
                              const std::vector<BoundSandbox>& members, Removal removal,
                              std::int64_t* count) {
  for (const BoundSandbox& seen : members) {
    const auto sandbox = caches_.sandboxes.store().Get({cached.key.namespace_name, seen.name});
    if (!sandbox || sandbox->uid != seen.uid || sandbox->sandbox.metadata.deleting) continue;
    logger_.Info("a pool removes a sandbox", {{"pool", cached.key.ToString()},
                                              {"sandbox", seen.name},
                                              {"ready", seen.ready},
                                              {"reason", seen.reason}});
    if (Status removed = binder_.Remove(*sandbox, removal); !removed.ok()) {
      return removed;
    }
    if (count != nullptr) ++*count;
  }
  return Status::Ok();
}

Status PoolReconciler::Create(const CachedSandboxPool& cached,
                              const CachedSandboxTemplate& made_from, std::int64_t count,
                              std::optional<Blocker>& blocker) {
  int tries = 0;
  while (count > 0) {
    const auto created =
        binder_.Create(BinderFor(cached), cached.uid, cached.key.name + "-" + RandomSuffix(),
                       made_from, NoClaim());
    if (created.ok()) {
      --count;
      tries = 0;
      continue;
    }
    if (created.status().code() == StatusCode::kAlreadyExists && ++tries < kNameTries) continue;
    blocker = ExplainSandboxRefused(created.status());
    if (blocker) return Status::Ok();
    return created.status().WithContext("creating a sandbox of the pool");
  }
  return Status::Ok();
}

Status PoolReconciler::WriteStatus(const CachedSandboxPool& cached, const codec::Json& wanted) {
  const codec::Json before = cached.pool.status.ToJson();
  if (wanted == before) return Status::Ok();
  const codec::Json patch = StatusPatch(cached.uid, before, wanted);
  const auto written = client_.Patch(kAgentSandboxPools, cached.key.namespace_name, cached.key.name,
                                     kube::PatchType::kMerge, patch, "status");
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kNotFound) return Status::Ok();
    return written.status().WithContext("writing the status of the pool");
  }
  auto decoded = DecodeSandboxPool(written->root());
  if (!decoded.ok()) return decoded.status();
  caches_.sandbox_pools.store().RecordWrite(std::move(decoded).value());
  RecordAll(events_, EventsOfChange(cached.pool, before, wanted));
  return Status::Ok();
}

void PoolReconciler::Failed(const std::string& uid, std::int64_t count,
                            std::optional<Blocker> refusal) {
  const MutexLock lock(mutex_);
  Backoff& backoff = backoffs_[uid];
  backoff.replacements =
      backoff.not_before > clock_.SinceBoot() ? backoff.replacements + count : count;
  backoff.last_failure = clock_.Now();
  backoff.refusal = std::move(refusal);
  const auto delay = kFirstBackoff * (1 << std::min(backoff.failures, kMaxDoublings));
  ++backoff.failures;
  backoff.not_before = clock_.SinceBoot() + std::min<seconds>(delay, kMaxBackoff);
}

void PoolReconciler::Succeeded(const std::string& uid, const std::vector<BoundSandbox>& members) {
  const MutexLock lock(mutex_);
  const auto found = backoffs_.find(uid);
  if (found == backoffs_.end()) return;
  const bool came_up = std::ranges::any_of(members, [&found](const BoundSandbox& member) {
    return member.ready && member.created > found->second.last_failure;
  });
  if (came_up) found->second.failures = 0;
}

void PoolReconciler::Forget(const std::string& uid) {
  binder_.Forget(uid);
  ForgetFailures(uid);
}

void PoolReconciler::ForgetFailures(const std::string& uid) {
  const MutexLock lock(mutex_);
  backoffs_.erase(uid);
}

std::optional<Blocker> PoolReconciler::LastRefusal(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = backoffs_.find(uid);
  if (found == backoffs_.end() || found->second.not_before <= clock_.SinceBoot()) {
    return std::nullopt;
  }
  return found->second.refusal;
}

std::int64_t PoolReconciler::WaitingReplacements(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = backoffs_.find(uid);
  return found == backoffs_.end() ? 0 : found->second.replacements;
}

milliseconds PoolReconciler::UntilNext(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = backoffs_.find(uid);
  if (found == backoffs_.end()) return milliseconds(0);
  return std::max(milliseconds(0),
                  std::chrono::ceil<milliseconds>(found->second.not_before - clock_.SinceBoot()));
}

}  // namespace stockade::sandbox_operator
