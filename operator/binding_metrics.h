#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "operator/binding_objects.h"

namespace stockade::sandbox_operator {

// The metrics of pools and claims: stockade_claims by state, stockade_claim_ready_seconds by where
// the sandbox came from, stockade_pool_claims_total by pool and by that, stockade_pool_replicas and
// stockade_pool_members_replaced_total. Safe to call from any thread; times are of
// Clock::SinceBoot.
class BindingMetrics {
 public:
  explicit BindingMetrics(prometheus::Registry& registry);

  // Counts by what their status says.
  void Count(const std::vector<std::shared_ptr<const CachedSandboxClaim>>& claims,
             const std::vector<std::shared_ptr<const CachedSandboxPool>>& pools);

  // A claim was seen for the first time, its sandbox is ready for the first time, and it is gone.
  // Of a claim that was not seen to come no time is told.
  void ClaimSeen(const std::string& uid, std::chrono::nanoseconds now);
  void ClaimReady(const CachedSandboxClaim& claim, bool warm, std::chrono::nanoseconds now);
  void ClaimGone(const std::string& uid);

  // Members of pools that did not come up, or ended, were removed to be replaced.
  void MembersReplaced(std::int64_t count) { replaced_.Increment(static_cast<double>(count)); }

 private:
  void CountOfPoolLocked(const runtime::ObjectKey& pool, bool warm) STOCKADE_REQUIRES(mutex_);
  void ForgetOthers(const std::vector<std::shared_ptr<const CachedSandboxPool>>& pools);

  static constexpr std::array<std::string_view, 3> kStates = {"Ready", "Waiting", "Finished"};

  std::array<prometheus::Gauge*, kStates.size()> claims_{};
  std::array<prometheus::Histogram*, 2> ready_{};  // cold, warm
  prometheus::Gauge& pool_wanted_;
  prometheus::Gauge& pool_all_;
  prometheus::Gauge& pool_ready_;
  prometheus::Counter& replaced_;
  prometheus::Family<prometheus::Counter>& pool_claims_;
  Mutex mutex_;
  std::map<std::string, std::chrono::nanoseconds> seen_ STOCKADE_GUARDED_BY(mutex_);
  using ByWarmth = std::array<prometheus::Counter*, 2>;  // cold, warm
  // Of the pools that there are, and of those that were not looked for yet.
  std::map<runtime::ObjectKey, ByWarmth> claims_of_pools_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::sandbox_operator
