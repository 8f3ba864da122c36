#pragma once

#include "webhook/admission_review.h"
#include "webhook/guards/guard_config.h"

namespace stockade::webhook {

// Who asks, as far as the guards tell requesters apart. An administrator is like everybody else.
enum class Requester {
  kOperator,      // by its name alone: groups and look-alikes do not count
  kNode,          // a kubelet: the name system:node:NAME in the group system:nodes
  kControlPlane,  // the scheduler, the controllers and other accounts of kube-system, and those
                  // that the configuration trusts like them
  kOther,
};

[[nodiscard]] Requester RequesterOf(const AdmissionRequest& request, const GuardConfig& config);

// Nodes and the control plane: they know how a pod is and when it has ended.
[[nodiscard]] inline bool RunsPods(Requester requester) {
  return requester == Requester::kNode || requester == Requester::kControlPlane;
}

}  // namespace stockade::webhook
