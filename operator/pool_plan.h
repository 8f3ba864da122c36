#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/agent_sandbox_pool.h"
#include "codec/json.h"
#include "operator/bound_sandbox.h"
#include "operator/sandbox_status.h"

// What is to be done for a pool, and what its status says. Pure.
namespace stockade::sandbox_operator {

// What a pool is seen to be.
struct PoolSituation {
  // The sandboxes whose controller it is.
  std::vector<BoundSandbox> members;
  // Of the template as it is now; empty when there is none, or when it cannot be used.
  std::string revision;
  // Claims of the pool whose sandboxes are on their way: they come before what is kept in store.
  std::int64_t claims_waiting = 0;
  // How long ago a claim last took one of them.
  std::chrono::milliseconds quiet_for{std::chrono::hours(1)};
  // How many that did not come up are not to be replaced yet, and for how long.
  std::int64_t waiting_replacements = 0;
  std::chrono::milliseconds backoff{0};
  std::chrono::system_clock::time_point now;
};

struct PoolPlan {
  // To be removed: those that are too many, or that no claim may get.
  std::vector<BoundSandbox> remove;
  // To be removed as well: stuck, or ended by themselves. Others are made after a while.
  std::vector<BoundSandbox> failed;
  std::int64_t create = 0;
  // When time alone changes the plan.
  std::optional<std::chrono::milliseconds> look_again;
};

// A claim may get it: ready, as it was made, allowed by the policies of now, in the first half of
// its lifetime where it has one, and not to be replaced.
[[nodiscard]] bool CanBeClaimed(const BoundSandbox& member, const api::AgentSandboxPoolSpec& pool,
                                const std::string& revision,
                                std::chrono::system_clock::time_point now);

[[nodiscard]] PoolPlan PlanPool(const api::AgentSandboxPoolSpec& pool,
                                const PoolSituation& situation);

// The whole status, as it should stand in the API server. `blocker` is what is wrong with the
// template, or what the API server has against its sandboxes.
[[nodiscard]] codec::Json ComputePoolStatus(const api::AgentSandboxPool& pool,
                                            const PoolSituation& situation,
                                            const std::optional<Blocker>& source,
                                            const std::optional<Blocker>& blocker);

}  // namespace stockade::sandbox_operator
