#include "operator/binding_metrics.h"

#include <set>

#include "operator/claim_plan.h"

namespace stockade::sandbox_operator {
namespace {

// From a warm sandbox to an image of gigabytes, in seconds.
const prometheus::Histogram::BucketBoundaries kReadyBuckets = {
    0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600};

prometheus::Gauge& MakeGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

BindingMetrics::BindingMetrics(prometheus::Registry& registry)
    : pool_wanted_(MakeGauge(registry, "stockade_pool_replicas_wanted",
                             "Sandboxes that AgentSandboxPools are to keep ready, of all pools.")),
      pool_all_(MakeGauge(registry, "stockade_pool_replicas",
                          "Sandboxes that AgentSandboxPools have, of all pools.")),
      pool_ready_(MakeGauge(registry, "stockade_pool_replicas_ready",
                            "Sandboxes of AgentSandboxPools that can be claimed, of all pools.")),
      replaced_(prometheus::BuildCounter()
                    .Name("stockade_pool_members_replaced_total")
                    .Help("Sandboxes of pools that were removed because they did not come up, or "
                          "ended by themselves.")
                    .Register(registry)
                    .Add({})),
      pool_claims_(prometheus::BuildCounter()
                       .Name("stockade_pool_claims_total")
                       .Help("AgentSandboxClaims on the pool that became ready, by whether they "
                             "got a ready sandbox of it.")
                       .Register(registry)) {
  auto& claims = prometheus::BuildGauge()
                     .Name("stockade_claims")
                     .Help("AgentSandboxClaims, by what their status says.")
                     .Register(registry);
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    claims_[i] = &claims.Add({{"state", std::string(kStates[i])}});
  }
  auto& ready = prometheus::BuildHistogram()
                    .Name("stockade_claim_ready_seconds")
                    .Help(
                        "Seconds from when the operator sees a claim to its being ready, by "
                        "whether its sandbox was a ready one of a pool.")
                    .Register(registry);
  ready_[0] = &ready.Add({{"warm", "false"}}, kReadyBuckets);
  ready_[1] = &ready.Add({{"warm", "true"}}, kReadyBuckets);
}

void BindingMetrics::Count(const std::vector<std::shared_ptr<const CachedSandboxClaim>>& claims,
                           const std::vector<std::shared_ptr<const CachedSandboxPool>>& pools) {
  std::array<double, kStates.size()> counts{};
  for (const auto& cached : claims) {
    const codec::Json status = cached->claim.status.ToJson();
    const bool ready = FindCondition(status, "Ready").status == "True";
    const bool finished = FindCondition(status, "Finished").status == "True";
    counts[finished ? 2 : ready ? 0 : 1] += 1;
  }
  for (std::size_t i = 0; i < kStates.size(); ++i) claims_[i]->Set(counts[i]);
  double wanted = 0;
  double all = 0;
  double ready = 0;
  for (const auto& cached : pools) {
    wanted += static_cast<double>(cached->pool.spec.replicas);
    const codec::Json status = cached->pool.status.ToJson();
    if (!status.is_object()) continue;
    all += status.value("replicas", 0.0);
    ready += status.value("readyReplicas", 0.0);
  }
  pool_wanted_.Set(wanted);
  pool_all_.Set(all);
  pool_ready_.Set(ready);
  ForgetOthers(pools);
}

void BindingMetrics::ForgetOthers(
    const std::vector<std::shared_ptr<const CachedSandboxPool>>& pools) {
  std::set<runtime::ObjectKey> known;
  for (const auto& pool : pools) known.insert(pool->key);
  const MutexLock lock(mutex_);
  std::erase_if(claims_of_pools_, [&](const auto& entry) {
    if (known.contains(entry.first)) return false;
    for (prometheus::Counter* counter : entry.second) pool_claims_.Remove(counter);
    return true;
  });
}

void BindingMetrics::CountOfPoolLocked(const runtime::ObjectKey& pool, bool warm) {
  const auto [entry, inserted] = claims_of_pools_.try_emplace(pool);
  if (inserted) {
    for (const bool is_warm : {false, true}) {
      entry->second[is_warm ? 1 : 0] = &pool_claims_.Add({{"namespace", pool.namespace_name},
                                                          {"pool", pool.name},
                                                          {"warm", is_warm ? "true" : "false"}});
    }
  }
  entry->second[warm ? 1 : 0]->Increment();
}

void BindingMetrics::ClaimSeen(const std::string& uid, std::chrono::nanoseconds now) {
  const MutexLock lock(mutex_);
  seen_.try_emplace(uid, now);
}

void BindingMetrics::ClaimReady(const CachedSandboxClaim& claim, bool warm,
                                std::chrono::nanoseconds now) {
  std::chrono::nanoseconds since{};
  {
    const MutexLock lock(mutex_);
    if (const std::string& pool = claim.claim.spec.pool_name; !pool.empty()) {
      CountOfPoolLocked({claim.key.namespace_name, pool}, warm);
    }
    const auto seen = seen_.find(claim.uid);
    if (seen == seen_.end()) return;
    since = seen->second;
    seen_.erase(seen);
  }
  ready_[warm ? 1 : 0]->Observe(std::chrono::duration<double>(now - since).count());
}

void BindingMetrics::ClaimGone(const std::string& uid) {
  const MutexLock lock(mutex_);
  seen_.erase(uid);
}

}  // namespace stockade::sandbox_operator
