#pragma once

#include "cli/conversion.h"
#include "codec/json.h"

namespace stockade::cli {

// Turns volumeMounts of claims that are written to into entries of spec.mounts, the only way in
// which an AgentSandbox writes to a claim: those that name one of spec.volumeClaimTemplates, as
// agent-sandbox mounts them, and those of persistentVolumeClaim volumes. What a mount cannot say (a
// subPath, or rights that differ between containers) stays, for a person to decide.
void MoveClaimMounts(codec::Json& sandbox, Account& account);

}  // namespace stockade::cli
