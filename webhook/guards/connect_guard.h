#pragma once

#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// Judges CONNECT of pods/exec, pods/attach, pods/portforward, pods/proxy and services/proxy. There
// the request has the name of the pod or Service and nothing of its labels, so the guard goes by
// the name asb-NAME, under which the operator alone makes pods with a sandbox's label, and asg-...,
// under which nobody else makes pods at all.
//
// - No container of the operator's, whoever asks. Where none is named the API server takes the only
//   one of spec.containers, where the operator has none; kubectl always names one.
// - exec, attach and port-forward as spec.access of the sandbox says, and the policies of its
//   namespace. Where there is no such sandbox any more, or not yet, as its defaults say.
// - The API server's HTTP proxy never, and into the pods of gateways nothing at all.
[[nodiscard]] GuardFindings JudgeConnection(const GuardRequest& request);

// True when the name of a pods/proxy or services/proxy, "name", "name:port" or
// "scheme:name:port", is of an object of a sandbox.
[[nodiscard]] bool IsProxyNameOfSandbox(std::string_view name);

}  // namespace stockade::webhook
