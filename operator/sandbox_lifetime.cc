#include "operator/sandbox_lifetime.h"

#include <algorithm>
#include <string_view>

namespace stockade::sandbox_operator {
namespace {

using api::TimePoint;
using std::chrono::milliseconds;

// See NoticeAt.
constexpr std::chrono::hours kLongestNotice{1};
constexpr int kNoticeShare = 10;
// A sandbox whose end is far away is looked at in between, so that no wait is ever that long.
constexpr milliseconds kLongestWait = std::chrono::hours(24);

TimePoint::duration NoticeOf(TimePoint::duration life) {
  return std::min<TimePoint::duration>(kLongestNotice, life / kNoticeShare);
}

bool SaysExpired(codec::JsonView status, std::int64_t generation, std::string_view type,
                 std::string_view value) {
  if (status["observedGeneration"].AsInt() != generation) return false;
  bool says = false;
  status["conditions"].ForEachElement([&](std::size_t, codec::JsonView condition) {
    says = says || (condition["type"].StringOrEmpty() == type &&
                    condition["status"].StringOrEmpty() == value &&
                    condition["reason"].StringOrEmpty() == kExpiredReason);
  });
  return says;
}

}  // namespace

TimePoint NoticeAt(TimePoint end, std::optional<TimePoint> created) {
  if (!created || end <= *created) return end - kLongestNotice;
  return end - NoticeOf(end - *created);
}

bool HasEnded(codec::JsonView status, std::int64_t generation) {
  return SaysExpired(status, generation, "Finished", "True");
}

SandboxLifetime LifetimeOf(const api::AgentSandbox& sandbox, TimePoint now,
                           const std::optional<IdleEnd>& idle) {
  SandboxLifetime lifetime;
  const auto fixed = api::EndOf(sandbox.spec.lifecycle, sandbox.metadata.created);
  lifetime.by_idleness = idle && (!fixed || idle->at < *fixed);
  lifetime.end = lifetime.by_idleness ? idle->at : fixed;
  if (!lifetime.end) return lifetime;
  lifetime.deletes = lifetime.by_idleness
                         ? idle->deletes
                         : sandbox.spec.lifecycle.shutdown_policy == api::ShutdownPolicy::kDelete;
  // Until this process has warned for long enough.
  auto to_warn = TimePoint::duration::zero();
  if (lifetime.by_idleness) {
    to_warn = std::chrono::ceil<TimePoint::duration>(NoticeOf(idle->period) - idle->warned);
  }
  const auto status = codec::JsonDocument::Parse(sandbox.status.text());
  const std::int64_t generation = sandbox.metadata.generation;
  const bool was_reached = status.ok() && SaysExpired(status->root(), generation, "Ready", "False");
  lifetime.expired = was_reached || (fixed && now >= *fixed) ||
                     (now >= *lifetime.end && to_warn <= TimePoint::duration::zero());
  if (lifetime.expired) {
    lifetime.ended = status.ok() && HasEnded(status->root(), generation);
    return lifetime;
  }
  const TimePoint notice = lifetime.by_idleness ? *lifetime.end - NoticeOf(idle->period)
                                                : NoticeAt(*lifetime.end, sandbox.metadata.created);
  lifetime.ends_soon = now >= notice;
  const TimePoint next = lifetime.ends_soon ? std::max(*lifetime.end, now + to_warn) : notice;
  lifetime.look_again = std::min(std::chrono::ceil<milliseconds>(next - now), kLongestWait);
  return lifetime;
}

}  // namespace stockade::sandbox_operator
