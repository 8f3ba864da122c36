#pragma once

#include "policy/evaluate.h"
#include "webhook/admission_review.h"

namespace stockade::webhook {

// Judges AgentSandboxClaims, CREATE and UPDATE, by what the floor says of the variables, labels and
// annotations that they add to a pod. What the template lets them set, and whether there is one, is
// for the operator to tell: a template may come later, or change. It asks nothing of the cluster.
// An update of a claim that is being deleted passes with its spec unchanged. Pure.
[[nodiscard]] AdmissionResponse ReviewAgentSandboxClaim(const AdmissionRequest& request,
                                                        const policy::Facts& facts);

}  // namespace stockade::webhook
