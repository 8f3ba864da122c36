#include "operator/pod_diagnosis.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

// Messages of the kubelet and the scheduler are passed on, but not without bound.
constexpr std::size_t kMaxMessage = 1024;

std::string Quoted(const std::string& name) { return "\"" + name + "\""; }

PodDiagnosis DiagnoseEnded(const CachedPod& pod) {
  if (pod.phase == "Succeeded") {
    return {PodOutcome::kFinished, "PodSucceeded", "every container ended with exit code 0"};
  }
  // The kubelet and the controllers name the reason when it lies outside the containers.
  if (!pod.reason.empty() || pod.disrupted) {
    const std::string reason = pod.reason.empty() ? "Disrupted" : pod.reason;
    return {PodOutcome::kLost, "PodLost",
            "the pod failed (" + reason + ") and is created again" +
                (pod.message.empty() ? "" : ": " + Truncate(pod.message, kMaxMessage))};
  }
  std::string message = "the pod failed and its restartPolicy does not start it again";
  for (const ContainerTrouble& trouble : pod.troubles) {
    if (!trouble.exit_code) continue;
    message += "; container " + Quoted(trouble.container) + " ended with exit code " +
               std::to_string(*trouble.exit_code);
    if (!trouble.exit_reason.empty()) message += " (" + trouble.exit_reason + ")";
  }
  return {PodOutcome::kFinished, "PodFailed", message};
}

bool IsOneOf(std::string_view reason, std::initializer_list<std::string_view> reasons) {
  return std::ranges::find(reasons, reason) != reasons.end();
}

// The trouble that a waiting container is in, or kProgressing when it is only starting.
PodDiagnosis DiagnoseWaiting(const ContainerTrouble& trouble) {
  const std::string_view reason = trouble.waiting_reason;
  const std::string where = "container " + Quoted(trouble.container) + ": ";
  const std::string detail = trouble.waiting_message.empty()
                                 ? trouble.waiting_reason
                                 : Truncate(trouble.waiting_message, kMaxMessage);
  if (reason == "InvalidImageName") {
    return {PodOutcome::kHopeless, "InvalidImageName",
            where + detail + "; correct the image in spec.podTemplate"};
  }
  if (IsOneOf(reason, {"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "ImageInspectError",
                       "RegistryUnavailable", "SignatureValidationFailed"})) {
    return {PodOutcome::kTroubled, "ImagePullFailed",
            where + "its image cannot be pulled: " + detail +
                "; check the image's name and tag, and imagePullSecrets for a private registry"};
  }
  if (reason == "CrashLoopBackOff") {
    std::string message = where + "crashes again and again, " + std::to_string(trouble.restarts) +
                          (trouble.restarts == 1 ? " restart" : " restarts") + " so far";
    if (trouble.exit_code) {
      message += ", last exit code " + std::to_string(*trouble.exit_code);
      if (!trouble.exit_reason.empty()) message += " (" + trouble.exit_reason + ")";
    }
    message += "; read its log with kubectl logs --previous";
    return {PodOutcome::kTroubled, "CrashLoop", message};
  }
  if (IsOneOf(reason, {"CreateContainerConfigError", "CreateContainerError", "RunContainerError",
                       "PreCreateHookError", "PreStartHookError", "PostStartHookError"})) {
    return {PodOutcome::kTroubled, "ContainerCannotStart",
            where + trouble.waiting_reason + ": " + detail};
  }
  return {};
}

}  // namespace

PodDiagnosis DiagnosePod(const CachedPod& pod) {
  if (pod.deleting) {
    return {PodOutcome::kTerminating, "PodTerminating",
            "the pod is being deleted; nothing is started beside it"};
  }
  if (pod.phase == "Succeeded" || pod.phase == "Failed") return DiagnoseEnded(pod);
  if (pod.ready == "True") return {PodOutcome::kReady, "PodReady", "the sandbox's pod is ready"};
  if (pod.scheduled == "False") {
    return {PodOutcome::kTroubled, "Unschedulable",
            "no node can take the pod: " + Truncate(pod.scheduled_message, kMaxMessage)};
  }
  for (const ContainerTrouble& trouble : pod.troubles) {
    PodDiagnosis diagnosis = DiagnoseWaiting(trouble);
    if (diagnosis.outcome != PodOutcome::kProgressing) return diagnosis;
  }
  if (pod.phase == "Unknown") {
    return {PodOutcome::kTroubled, "NodeUnreachable",
            "the node " + Quoted(pod.node_name) + " does not report the pod's state"};
  }
  if (pod.phase == "Running") {
    return {PodOutcome::kProgressing, "PodNotReady",
            pod.ready_message.empty() ? "the pod runs and is not ready yet"
                                      : Truncate(pod.ready_message, kMaxMessage)};
  }
  return {PodOutcome::kProgressing, "PodStarting",
          pod.node_name.empty() ? "the pod waits for a node"
                                : "the pod is being started on node " + Quoted(pod.node_name)};
}

}  // namespace stockade::sandbox_operator
