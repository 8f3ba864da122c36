#pragma once

#include <string>

#include "api/agent_sandbox.h"
#include "operator/caches.h"

namespace stockade::sandbox_operator {

// The name of a NetworkPolicy, none of the operator's own, that lets traffic to or from the pods of
// the sandbox's gateway of that name through: those that run, and those that are to come. Empty for
// none. It looks at the caches and writes nothing.
[[nodiscard]] std::string FindPolicyWideningGateway(const Caches& caches,
                                                    const api::AgentSandbox& sandbox,
                                                    const std::string& gateway);

}  // namespace stockade::sandbox_operator
