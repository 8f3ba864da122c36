#pragma once

#include <string_view>

#include "cli/conversion.h"
#include "codec/json.h"

// What fields of agent-sandbox's kinds (versions v1alpha1 and v1beta1) are in an AgentSandbox,
// before any rule has judged it.
namespace stockade::cli {

inline constexpr std::string_view kAgentSandboxGroup = "agents.x-k8s.io";
inline constexpr std::string_view kAgentSandboxExtensionsGroup = "extensions.agents.x-k8s.io";

// An AgentSandbox from a Sandbox.
[[nodiscard]] codec::Json FromSandbox(const codec::Json& sandbox, Account& account);

// An AgentSandbox from a SandboxClaim and its SandboxTemplate: what agent-sandbox would have made a
// Sandbox of.
[[nodiscard]] codec::Json FromClaim(const codec::Json& claim, const codec::Json& sandbox_template,
                                    Account& account);

}  // namespace stockade::cli
