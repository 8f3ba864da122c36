#pragma once

#include "cli/conversion.h"
#include "codec/json.h"

namespace stockade::cli {

// Repairs in an AgentSandbox what the rules of the floor refuse, as often as something is found
// that has one safe answer: a field that is taken out has the operator's hardened value, and a
// volume of the node or a token has no place in a sandbox. What needs a decision stays, for lint to
// tell. Does nothing with an object that cannot be decoded.
void RepairByRules(codec::Json& sandbox, const ConvertOptions& options, Account& account);

}  // namespace stockade::cli
