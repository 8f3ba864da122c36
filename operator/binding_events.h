#pragma once

#include <vector>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_pool.h"
#include "codec/json.h"
#include "runtime/event.h"
#include "runtime/event_recorder.h"

// What the operator tells of claims and pools as Events, beside the conditions in their status. As
// for sandboxes: what somebody has to act on is told when it appears, and what goes as it should is
// not. Why a sandbox that a claim has is not ready is told of the sandbox alone.
namespace stockade::sandbox_operator {

// The events that a change of the status from `before` to `after` is worth.
[[nodiscard]] std::vector<runtime::Event> EventsOfChange(const api::AgentSandboxClaim& claim,
                                                         const codec::Json& before,
                                                         const codec::Json& after);
[[nodiscard]] std::vector<runtime::Event> EventsOfChange(const api::AgentSandboxPool& pool,
                                                         const codec::Json& before,
                                                         const codec::Json& after);

// Does nothing without a recorder.
void RecordAll(runtime::EventRecorder* recorder, std::vector<runtime::Event> events);

}  // namespace stockade::sandbox_operator
