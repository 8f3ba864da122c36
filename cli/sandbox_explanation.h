#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/colours.h"
#include "codec/json.h"
#include "policy/rule.h"

namespace stockade::cli {

// Why a sandbox is in its state and what to do, for a terminal, from the AgentSandbox as it is
// stored, its pod where there is one, and what the rules find in it now. Control characters in what
// the cluster says are escaped. Pure.
[[nodiscard]] std::string ExplainSandbox(codec::JsonView sandbox,
                                         const std::optional<codec::JsonDocument>& pod,
                                         const std::vector<policy::Finding>& findings,
                                         const Colours& colours);

}  // namespace stockade::cli
