#pragma once

#include <optional>

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::render {

// The allowance for a sandbox's `ingress`, or nothing when it allows nobody. A rule without peers
// is left out: NetworkPolicy would take it for everybody, and here an empty list of who may is
// nobody.
[[nodiscard]] std::optional<codec::Json> RenderIngressPolicy(const api::AgentSandbox& sandbox);

}  // namespace stockade::render
