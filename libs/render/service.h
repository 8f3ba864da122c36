#pragma once

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::render {

// The headless Service that gives a sandbox's pod a stable name. For a sandbox with service ports.
[[nodiscard]] codec::Json RenderService(const api::AgentSandbox& sandbox);

}  // namespace stockade::render
