#include "operator/pool_plan.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "api/binding_names.h"
#include "base/clock.h"
#include "operator/conditions.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Nothing tells the pool that a claim waits no longer.
constexpr milliseconds kRoomRetry{1000};

// What is made takes processor time from the claims that come, of the operator and of the API
// server: with enough in store it waits until none has come for so long.
constexpr milliseconds kQuiet{500};

bool IsOutdated(const BoundSandbox& member, const std::string& revision) {
  return !revision.empty() && member.revision != revision;
}

// From when on a member with a lifetime of its own is replaced: whoever claims one has the longer
// half of it.
std::optional<std::chrono::system_clock::time_point> StaleFrom(const BoundSandbox& member) {
  if (!member.expires) return std::nullopt;
  return member.created + (*member.expires - member.created) / 2;
}

bool IsStale(const BoundSandbox& member, std::chrono::system_clock::time_point now) {
  const auto stale = StaleFrom(member);
  return stale && now >= *stale;
}

void LookAgain(PoolPlan& plan, milliseconds delay) {
  delay = std::max(delay, milliseconds(10));
  plan.look_again = std::min(plan.look_again.value_or(delay), delay);
}

// How many may be on their way: all that the pool allows while no claims come, and then the more
// of them the less of the pool's half is ready, so that as many are made as are taken and no more.
std::int64_t StartingAtOnce(const api::AgentSandboxPoolSpec& pool, const PoolSituation& situation,
                            std::int64_t ready) {
  if (situation.quiet_for >= kQuiet) return pool.max_starting;
  const std::int64_t half = (pool.replicas + 1) / 2;
  if (ready >= half) return 0;
  return (pool.max_starting * (half - ready) + half - 1) / half;
}

// Why the oldest of those that are not ready is not.
std::string TroubleOf(const std::vector<BoundSandbox>& members) {
  const BoundSandbox* oldest = nullptr;
  for (const BoundSandbox& member : members) {
    if (member.ready || member.deleting || member.reason.empty()) continue;
    if (oldest == nullptr || member.not_ready_since < oldest->not_ready_since) oldest = &member;
  }
  if (oldest == nullptr) return {};
  return "; \"" + oldest->name + "\": " + oldest->reason + ": " + oldest->message;
}

}  // namespace

bool CanBeClaimed(const BoundSandbox& member, const api::AgentSandboxPoolSpec& pool,
                  const std::string& revision, std::chrono::system_clock::time_point now) {
  if (member.deleting || !member.pristine || !member.ready || member.finished) return false;
  if (member.forbidden || IsStale(member, now)) return false;
  return pool.update == api::PoolUpdate::kOnReplenish || !IsOutdated(member, revision);
}

PoolPlan PlanPool(const api::AgentSandboxPoolSpec& pool, const PoolSituation& situation) {
  PoolPlan plan;
  std::vector<BoundSandbox> kept;
  for (const BoundSandbox& member : situation.members) {
    if (member.deleting) continue;
    const auto due = member.not_ready_since + seconds(pool.startup_timeout_seconds);
    // Of one that somebody has changed it is not known since when it is not ready for what it says.
    const bool stuck = !member.ready && member.pristine && situation.now >= due;
    const bool outdated =
        pool.update == api::PoolUpdate::kRecreate && IsOutdated(member, situation.revision);
    if ((member.finished && !member.expired) || stuck) {
      plan.failed.push_back(member);
    } else if (!member.pristine || outdated || member.finished || member.forbidden ||
               IsStale(member, situation.now)) {
      // Whoever claims one gets what the template says, and nothing that others made of it.
      plan.remove.push_back(member);
    } else {
      if (const auto stale = StaleFrom(member)) {
        LookAgain(plan, std::chrono::ceil<milliseconds>(*stale - situation.now));
      }
      if (!member.ready) LookAgain(plan, std::chrono::ceil<milliseconds>(due - situation.now));
      kept.push_back(member);
    }
  }

  const auto wanted = static_cast<std::size_t>(pool.replicas);
  if (kept.size() > wanted) {
    // Those first that a claim would have the least of.
    std::ranges::sort(kept, {}, [&situation](const BoundSandbox& member) {
      return std::tuple(member.ready, !IsOutdated(member, situation.revision),
                        situation.now - member.created, member.name);
    });
    const std::size_t surplus = kept.size() - wanted;
    plan.remove.insert(plan.remove.end(), kept.begin(),
                       kept.begin() + static_cast<std::ptrdiff_t>(surplus));
    return plan;
  }
  // Those that failed are replaced after a while, and keep nothing else from being made.
  auto later = static_cast<std::int64_t>(plan.failed.size());
  if (situation.backoff > milliseconds(0)) {
    later += situation.waiting_replacements;
    LookAgain(plan, situation.backoff);
  }
  const auto missing = static_cast<std::int64_t>(wanted - kept.size()) - later;
  if (missing <= 0 || situation.revision.empty()) return plan;
  const std::int64_t starting = std::ranges::count(kept, false, &BoundSandbox::ready);
  const std::int64_t ready = static_cast<std::int64_t>(kept.size()) - starting;
  const std::int64_t at_once = StartingAtOnce(pool, situation, ready);
  if (at_once == 0) {
    LookAgain(plan, kQuiet - situation.quiet_for);
    return plan;
  }
  const std::int64_t room = at_once - starting - situation.claims_waiting;
  plan.create = std::clamp<std::int64_t>(room, 0, missing);
  if (plan.create < missing) LookAgain(plan, kRoomRetry);
  return plan;
}

Json ComputePoolStatus(const api::AgentSandboxPool& pool, const PoolSituation& situation,
                       const std::optional<Blocker>& source,
                       const std::optional<Blocker>& blocker) {
  std::int64_t replicas = 0;
  std::int64_t ready = 0;
  std::int64_t updated = 0;
  for (const BoundSandbox& member : situation.members) {
    if (member.deleting) continue;
    ++replicas;
    if (CanBeClaimed(member, pool.spec, situation.revision, situation.now)) ++ready;
    if (!situation.revision.empty() && member.revision == situation.revision) ++updated;
  }
  Json status = {{"observedGeneration", pool.metadata.generation},
                 {"replicas", replicas},
                 {"readyReplicas", ready},
                 {"updatedReplicas", updated},
                 {"selector", std::string(api::kPoolLabel) + "=" + pool.metadata.name}};
  if (!situation.revision.empty()) status["templateRevision"] = situation.revision;

  const std::string count =
      std::to_string(ready) + " of " + std::to_string(pool.spec.replicas) + " sandboxes are ready";
  std::vector<api::Condition> conditions;
  if (source) {
    conditions.push_back(MakeCondition("Ready", "False", source->reason, source->message));
  } else if (ready >= pool.spec.replicas) {
    conditions.push_back(MakeCondition("Ready", "True", "Full", count));
  } else if (blocker) {
    conditions.push_back(
        MakeCondition("Ready", "False", blocker->reason, count + ": " + blocker->message));
  } else {
    const bool waits = situation.backoff > milliseconds(0);
    conditions.push_back(MakeCondition("Ready", "False", waits ? "BackingOff" : "Filling",
                                       count + TroubleOf(situation.members)));
  }
  conditions.push_back(
      source ? MakeCondition("TemplateResolved", "False", source->reason, source->message)
             : MakeCondition("TemplateResolved", "True", "Resolved",
                             "the template \"" + pool.spec.template_name + "\" can be used"));
  status["conditions"] = ConditionList(std::move(conditions), ConditionsOf(pool.status),
                                       pool.metadata.generation, situation.now);
  return status;
}

}  // namespace stockade::sandbox_operator
