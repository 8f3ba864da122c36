#pragma once

#include "cli/conversion.h"
#include "codec/json.h"

namespace stockade::cli {

// An AgentSandbox with what the fields of an agent-sandbox's Sandbox say (versions v1alpha1 and
// v1beta1), before any rule has judged it.
[[nodiscard]] codec::Json FromSandbox(const codec::Json& sandbox, Account& account);

}  // namespace stockade::cli
