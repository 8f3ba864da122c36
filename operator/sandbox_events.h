#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "runtime/event.h"

// What the operator tells of a sandbox as Events, beside the conditions in its status.
namespace stockade::sandbox_operator {

// The events that a change of the status from `before` to `after` is worth: a Warning for each
// reason that somebody has to act on, when it appears, and none for what goes as it should or
// passes by itself. A reason that stays is told again only when it is one that waiting does not
// help and its message has changed; messages of the others count and measure, and change always.
[[nodiscard]] std::vector<runtime::Event> EventsOfChange(const api::AgentSandbox& sandbox,
                                                         const codec::Json& before,
                                                         const codec::Json& after);

// The event that something of a sandbox was changed behind the operator's back and put right.
[[nodiscard]] runtime::Event RepairEvent(runtime::ObjectReference regarding, std::string note);

[[nodiscard]] runtime::ObjectReference ReferenceTo(const api::AgentSandbox& sandbox);

}  // namespace stockade::sandbox_operator
