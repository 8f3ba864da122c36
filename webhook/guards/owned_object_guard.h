#pragma once

#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// True for an object that the operator made, or that would pass for one: by the label
// app.kubernetes.io/managed-by, by an AgentSandbox as its controller, by a name that begins with
// asg-, or by that of a deny-all among NetworkPolicies.
[[nodiscard]] bool IsManaged(const AdmissionRequest& request, codec::JsonView object);

// Judges CREATE, UPDATE and DELETE of NetworkPolicies, Services, claims, Secrets, ConfigMaps and
// Deployments that are managed before or after. Others than the operator make none, and change
// nothing but labels, annotations and finalizers without a meaning for it; the control plane may
// besides let go of owners, and bind claims. They may delete all but the deny-alls: what is deleted
// only narrows, and is made again. Pure.
[[nodiscard]] GuardFindings JudgeOwnedObject(const GuardRequest& request);

}  // namespace stockade::webhook
