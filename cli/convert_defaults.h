#pragma once

#include "cli/conversion.h"
#include "codec/json.h"

namespace stockade::cli {

// Tells what the operator adds to a converted AgentSandbox without being asked, where its template
// leaves it open: the values are those of the pod that would be rendered. Only for a sandbox that
// no rule refuses.
void TellDefaults(codec::JsonView sandbox, const ConvertOptions& options, Account& account);

}  // namespace stockade::cli
