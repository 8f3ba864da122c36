#pragma once

#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// Judges writes to pods and to their subresources that concern a sandbox, by the label or the
// controller as it was or as it would be, or where the object carries none, by the name asb-NAME:
//
//   CREATE  pods                       the operator alone, and what the floor says of its pods
//   UPDATE  pods, pods/status          no label, image, owner or annotation of weight; status only
//                                      by nodes and the control plane
//   UPDATE  pods/ephemeralcontainers, pods/resize   nobody
//   DELETE  pods; CREATE pods/eviction   by force only those that know that the pod has ended
//   CREATE  pods/binding, bindings       nodes are chosen by the scheduler
//
// Of the pod of a gateway, which is one with the label stockade.dev/gateway, none is made by hand
// (gateway_guard.h), nothing is changed, and it gets no ephemeral container.
//
// Whatever does not concern a sandbox has no findings. Pure.
[[nodiscard]] GuardFindings JudgePod(const GuardRequest& request);

}  // namespace stockade::webhook
