#pragma once

#include "webhook/guards/guard_request.h"

// The pods of gateways, and what makes them. The operator makes the Deployment, the Deployment's
// controller its ReplicaSets, and the ReplicaSet's controller the pods: each link is judged when it
// is made, so a pod with the label that passes has the operator's Deployment at its beginning.
namespace stockade::webhook {

// True for a pod that carries the label stockade.dev/gateway.
[[nodiscard]] bool IsGatewayPod(codec::JsonView pod);

// Judges CREATE of a pod with the label stockade.dev/gateway or with a name that begins with asg-:
// the controller of ReplicaSets alone, for one of the gateway that the label names. Nothing for
// other pods. Pure.
void JudgeGatewayPodCreation(const GuardRequest& request, GuardReport& report);

// Judges CREATE and UPDATE of Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs,
// ReplicationControllers and PodTemplates whose pods carry the label, before or after, or whose
// name begins with asg-. Pure.
[[nodiscard]] GuardFindings JudgeWorkload(const GuardRequest& request);

// True for a kind that JudgeWorkload knows: ("apps", "deployments").
[[nodiscard]] bool IsWorkload(std::string_view group, std::string_view resource);

}  // namespace stockade::webhook
