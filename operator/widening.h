#pragma once

#include <string>

#include "api/agent_sandbox.h"
#include "operator/caches.h"

// Which NetworkPolicy of somebody else lets traffic through to or from what is to be shut. It looks
// at the caches and writes nothing. Each returns the policy's name, or an empty text for none.
namespace stockade::sandbox_operator {

// A policy that selects a pod of the sandbox with these labels. With its node a pod gets that
// node's labels, so until then a policy that asks for these counts. `gateway` is the name of the
// sandbox's gateway, the way to which is the operator's own; empty where it has none.
[[nodiscard]] std::string FindPolicyWideningPod(const Caches& caches,
                                                const api::AgentSandbox& sandbox,
                                                const std::string& gateway, api::StringMap labels,
                                                bool has_node);

// A policy that selects pods of the sandbox's gateway of that name: those that run, and those that
// are to come.
[[nodiscard]] std::string FindPolicyWideningGateway(const Caches& caches,
                                                    const api::AgentSandbox& sandbox,
                                                    const std::string& gateway);

}  // namespace stockade::sandbox_operator
