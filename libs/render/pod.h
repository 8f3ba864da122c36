#pragma once

#include <optional>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/render.h"

namespace stockade::render {

// The sandbox's pod: its template with every hardening field that it left unset. Fields that belong
// to the operator (runtime class, DNS, the service account's token, service links) are set whatever
// the template says. With `egress` it leads to a gateway: sandbox_egress.h.
[[nodiscard]] codec::Json RenderPod(const api::AgentSandbox& sandbox, const Profile& profile,
                                    const std::optional<SandboxEgress>& egress);

}  // namespace stockade::render
