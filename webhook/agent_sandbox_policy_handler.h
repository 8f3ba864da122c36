#pragma once

#include "webhook/admission_review.h"

namespace stockade::webhook {

// Judges AgentSandboxPolicies themselves, CREATE and UPDATE: what policy::CheckPolicy finds is
// denied, and what is legal but surely not meant is warned of. It asks nothing of the cluster. An
// update of a policy that is being deleted passes with its spec unchanged. Pure.
[[nodiscard]] AdmissionResponse ReviewAgentSandboxPolicy(const AdmissionRequest& request);

}  // namespace stockade::webhook
