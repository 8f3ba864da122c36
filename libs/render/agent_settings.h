#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

// spec.agentSettings as the managed settings of Claude Code: files in one directory, which the pod
// carries in annotations and a volume of the downward API shows. So they need no object of their
// own, whose absence would hold the pod up and which somebody else could change: the guards keep
// annotations of the operator, and MetadataPatch puts them back.
namespace stockade::render {

// Where the agent looks. The whole directory is ours, so that nothing of the image is merged in.
inline constexpr std::string_view kAgentSettingsDirectory = "/etc/claude-code";
inline constexpr std::string_view kAgentSettingsVolume = "stockade-agent-settings";
inline constexpr std::string_view kManagedSettingsFile = "managed-settings.json";
inline constexpr std::string_view kManagedMcpFile = "managed-mcp.json";

// Counted up whenever other files or mounts come of the same settings, so that running pods are
// known to be outdated. What only changes in a file reaches them by its annotation.
inline constexpr int kAgentSettingsVersion = 1;

// The hosts that rules of WebFetch allow: those of egress.allow that the agent may send a GET to at
// port 443, in their order, without those that egress.deny refuses altogether. A wildcard stands
// for one label there and for any depth in a rule; the gateway decides.
[[nodiscard]] std::vector<std::string> FetchableHosts(const api::AgentSandbox& sandbox);

// managed-settings.json of a sandbox that has spec.agentSettings.
[[nodiscard]] codec::Json ManagedSettings(const api::AgentSandbox& sandbox);

// Adds the annotations, the volume and its mount in each of the agent's containers to a pod as
// RenderPod has it. Nothing where the sandbox has no spec.agentSettings.
void AddAgentSettings(codec::Json& pod, const api::AgentSandbox& sandbox);

}  // namespace stockade::render
