#include "cli/reasons.h"

#include <array>
#include <utility>

#include "api/names.h"

namespace stockade::cli {
namespace {

constexpr std::array kReasons = {
    Reason{"Pending", "The operator has not looked at the sandbox yet.",
           "see that the operator runs and leads; its log says what it does"},
    Reason{"PodReady", "The sandbox's pod is ready.", ""},
    Reason{"PodMissing", "The pod is about to be created.", ""},
    Reason{"PodStarting", "The pod waits for a node, or is being started.", ""},
    Reason{"PodNotReady", "The pod runs; a readiness probe has not succeeded yet.",
           "if it stays so, read the agent's log: kubectl logs -n {namespace} {pod}"},
    Reason{"PodTerminating", "The pod is being deleted; nothing is started beside it.", ""},
    Reason{
        "PodLost",
        "The pod failed for a reason outside the agent, such as an eviction; it is created again "
        "after a pause.",
        ""},
    Reason{"Suspended", "operatingMode is Suspended: there is no pod, and the volumes are kept.",
           "to resume: kubectl patch asb -n {namespace} {name} --type merge -p "
           "'{\"spec\":{\"operatingMode\":\"Running\"}}'"},
    Reason{"Idle",
           "Nothing used the sandbox for as long as spec.lifecycle.idle says: it is suspended, and "
           "with deleteAfterSeconds it is deleted later.",
           "to resume: kubectl patch asb -n {namespace} {name} --type merge -p "
           "'{\"spec\":{\"operatingMode\":\"Running\"}}'"},
    Reason{
        "CanaryImageMissing",
        "spec.lifecycle.idle needs the canary's image, and the operator's configuration has none.",
        "set egress.images in the operator's configuration, or remove spec.lifecycle.idle"},
    Reason{"PodSucceeded", "Every container ended with exit code 0.",
           "to run it again, delete the pod: kubectl delete pod -n {namespace} {pod}"},
    Reason{"PodFailed", "A container failed, and restartPolicy does not start it again.",
           "read its log with kubectl logs -n {namespace} {pod}; to run it again, delete the pod"},
    Reason{"PodRestarting",
           "A container failed, and the pod is created again after a pause, as "
           "spec.lifecycle.restart says.",
           "read its log: kubectl logs -n {namespace} {pod}"},
    Reason{"RestartsExhausted",
           "A container failed, and the pod was created again as often as "
           "spec.lifecycle.restart allows.",
           "read its log with kubectl logs -n {namespace} {pod}; any change of the spec starts the "
           "count anew"},
    Reason{"Expired",
           "The end that spec.lifecycle sets is reached: there is no pod and no gateway.",
           "to go on, set a later end in spec.lifecycle; of a claim, claim another sandbox"},
    Reason{"ShutdownTime", "The sandbox ends soon, at spec.lifecycle.shutdownTime.",
           "to go on, raise spec.lifecycle.shutdownTime"},
    Reason{"TemplateLifetime",
           "The sandbox of the claim ends soon, by the lifecycle of its template.",
           "raise spec.lifecycle of the AgentSandbox, or let it end"},
    Reason{"MaxLifetime",
           "The sandbox ends soon, as spec.lifecycle.maxLifetimeSeconds have passed.",
           "to go on, raise spec.lifecycle.maxLifetimeSeconds"},
    Reason{"NameTaken", "An object of an earlier sandbox of this name is still being removed.",
           "wait; if it takes long, look for a finalizer on the object that the message names"},
    Reason{"NamespaceTerminating", "The namespace is being deleted.",
           "create the sandbox in another namespace"},
    Reason{"Deleting", "The sandbox is being deleted, and something holds it up.",
           "look at metadata.finalizers of the sandbox and of its pod"},
    Reason{"SandboxReady", "Of a claim: its sandbox is ready.", ""},
    Reason{"TemplateNotFound", "Of a pool or a claim: the AgentSandboxTemplate does not exist.",
           "create it in the same namespace, or name another one"},
    Reason{"TemplateInvalid",
           "Of a pool or a claim: what the AgentSandboxTemplate makes may not run.",
           "correct what the message names in the template"},
    Reason{"PoolNotFound", "Of a claim: the AgentSandboxPool does not exist.",
           "create it in the same namespace, or claim from another one"},
    Reason{"EnvNotAllowed", "Of a claim: it sets variables that its template does not let it set.",
           "leave them out, or add their names to spec.claims.env of the template"},
    Reason{
        "MetadataNotAllowed",
        "Of a claim: it sets labels or annotations that its template does not let it set.",
        "leave them out, or add their keys to spec.claims.labels or spec.claims.annotations of the "
        "template"},
    Reason{"SandboxRefused",
           "Of a pool or a claim: the API server does not take the sandbox that is made for it.",
           "the message has what it said: a policy, a quota or an admission webhook may refuse it"},
    Reason{"SandboxFinished", "Of a claim: the agent of its sandbox has ended by itself.",
           "claim another sandbox"},
    Reason{"TimedOut", "Of a claim: its sandbox was not ready within spec.timeoutSeconds.",
           "find out from events and from other sandboxes of the template what keeps them, and "
           "claim again"},
    Reason{"Full", "Of a pool: as many sandboxes are ready as it is to keep.", ""},
    Reason{"Filling", "Of a pool: sandboxes are on their way.",
           "if it stays so, look at the sandbox that the message names"},
    Reason{"BackingOff", "Of a pool: sandboxes did not come up, and others are made after a pause.",
           "look at the pool's sandboxes: kubectl get asb -n {namespace} -l stockade.dev/pool"},
    Reason{"RuntimeClassMissing", "The RuntimeClass of the tier does not exist.",
           "install the runtime and its RuntimeClass, or map the tier to another one in the "
           "operator's runtimeClasses"},
    Reason{
        "QuotaExceeded",
        "An object does not fit the namespace's ResourceQuota, or lacks what the quota asks for.",
        "free some of the quota, raise it, or ask for less: kubectl describe quota -n "
        "{namespace}"},
    Reason{"PodSecurityViolation", "Pod Security admission refuses the pod.",
           "change the field of podTemplate that the message names; what the operator fills in "
           "passes restricted"},
    Reason{"PodMutated", "Admission changed the pod when it was created, so it was removed again.",
           "exempt pods with the label stockade.dev/sandbox from the plugin that changes them"},
    Reason{"CreationForbidden",
           "The API server does not let the operator create an object, for another reason.",
           "read the message: it is the admission plugin's own"},
    Reason{"Unschedulable", "No node can take the pod.",
           "compare the scheduler's message with the pod's requests, nodeSelector and tolerations, "
           "and with the nodes"},
    Reason{"ImagePullFailed", "A container's image cannot be pulled.",
           "check the image's name and tag, and imagePullSecrets for a private registry"},
    Reason{"CrashLoop", "A container crashes again and again.",
           "read its log: kubectl logs --previous -n {namespace} {pod}"},
    Reason{"ContainerCannotStart", "The kubelet cannot create or start a container.",
           "correct what the message names: the command, a ConfigMap that is missing, or a mount"},
    Reason{"NodeUnreachable", "The node does not report the pod's state.",
           "look at the node: kubectl describe node"},
    Reason{"NameConflict",
           "A pod, Service, claim or policy of that name belongs to somebody else; it is never "
           "taken over.",
           "delete the object that the message names, or give the sandbox another name"},
    Reason{"ClaimImmutable", "A claim differs from its template in what cannot change.",
           "undo the change in spec.volumeClaimTemplates, or use a template of another name"},
    Reason{"PodRejected", "The API server refuses an object as invalid.",
           "correct the field that the message names"},
    Reason{"InvalidImageName", "The kubelet cannot read a container's image.",
           "correct the image in spec.podTemplate"},
    Reason{"RuntimeClassDiffers",
           "The pod has another RuntimeClass than its tier means now: the configuration changed.",
           "delete the pod to have it created anew: kubectl delete pod -n {namespace} {pod}"},
    Reason{"Container", "The pod has the RuntimeClass of this tier, or none.", ""},
    Reason{"GVisor", "The pod has the RuntimeClass of this tier.", ""},
    Reason{"MicroVM", "The pod has the RuntimeClass of this tier.", ""},
    Reason{"NoPod", "There is no pod.", ""},
    Reason{"DenyAll", "The deny-all policy is in place, and nothing widens it.", ""},
    Reason{
        "WidenedBy",
        "Another NetworkPolicy selects the pod, or pods of its egress gateway, and allows traffic.",
        "exclude sandboxes and their egress gateways from that policy's podSelector with "
        "matchExpressions on stockade.dev/sandbox and stockade.dev/gateway DoesNotExist"},
    Reason{"ProvenByCanary",
           "In the pod, nothing answers but the gateway: the canary tried before the agent began, "
           "and the check is repeated.",
           ""},
    Reason{"CanaryPending", "The canary has not come to an end yet, so nothing is proven.",
           "wait a moment; if it stays so, describe the pod: kubectl describe pod -n {namespace} "
           "{pod}"},
    Reason{
        "NetworkOpen",
        "The canary reached an address that has to be shut, so the agent is not started.",
        "have the cluster's network plugin enforce NetworkPolicies; the message has the address"},
    Reason{"NotProven",
           "The gateway did not answer the canary, so that silence elsewhere proves nothing.",
           "look at the gateway: kubectl get pods -n {namespace} -l stockade.dev/gateway"},
    Reason{"ProbeFails",
           "What the canary found is tried again and again in the pod, and does not hold now.",
           "describe the pod: kubectl describe pod -n {namespace} {pod}; its events say what "
           "answered or did not"},
    Reason{"Brokered", "The gateway has the credentials, and answers.", ""},
    Reason{"CredentialMissing", "The gateway found no such Secret, or no such key in it.",
           "create the Secret with the key that the message names"},
    Reason{"GatewayNotReady", "The egress gateway does not answer.",
           "look at it: kubectl get pods -n {namespace} -l stockade.dev/gateway"},
    Reason{"AuthoritiesMissing", "The operator has made no authorities for gateways yet.",
           "wait a moment; if it stays so, read the operator's log"},
    Reason{"AuthorityRotated",
           "Gateways have a new authority, or will have, which the agent's processes do not know: "
           "they began before it was made.",
           "delete the pod to have it start anew: kubectl delete pod -n {namespace} {pod}"},
    Reason{"PublicRootsMissing",
           "The agent would see certificates of public authorities, and the operator's "
           "configuration has none to give to it.",
           "set egress.publicRootsFile in the operator's configuration, or leave hosts of mode "
           "Tunnel and egress.audit out"},
    Reason{"DenyAllMissing", "The deny-all policy is not in place; no pod is started without it.",
           "read the operator's log: it tells why it cannot create the policy"},
    Reason{"NoFindings", "Every rule is met.", ""},
    Reason{"NoPolicies", "Every rule is met, and no policy selects the namespace.", ""},
    Reason{"NamespaceUnknown", "The operator has not heard of the namespace yet.",
           "wait a moment; if it stays so, read the operator's log"},
    Reason{
        "PolicyInvalid",
        "A policy that selects the namespace cannot be understood, so nobody knows what it asks.",
        "correct the AgentSandboxPolicy that the message names: kubectl describe asbp"},
    Reason{"Applied",
           "The policy holds: every sandbox of the namespaces that it selects was judged by it.",
           ""},
    Reason{"Invalid",
           "The policy cannot be understood, and no sandbox is admitted to the namespaces that it "
           "selects.",
           "correct the field that the message names, or delete the policy: kubectl describe asbp"},
    Reason{"Scheduled", "The pod is bound to a node.", ""},
    Reason{"SchedulingGated", "The pod has a scheduling gate, which somebody has to take off.",
           "look at spec.schedulingGates of the pod: kubectl get pod -n {namespace} {pod} -o yaml"},
    Reason{"SchedulerError", "The scheduler failed; it tries again.",
           "if it stays so, read the scheduler's log"},
    Reason{"PodGone", "The sandbox is suspended, and the pod is gone.", ""},
    Reason{"PodRunning", "The sandbox is being suspended: the pod is still to be deleted.", ""},
    Reason{"Running", "operatingMode is Running.", ""},
    Reason{"ProfileChanged",
           "The operator would render its part of the pod differently now; the next start of the "
           "pod takes it.",
           "delete the pod when it suits you: kubectl delete pod -n {namespace} {pod}"},
};

}  // namespace

std::span<const Reason> Reasons() { return kReasons; }

const Reason* FindReason(std::string_view code) {
  for (const Reason& reason : kReasons) {
    if (reason.code == code) return &reason;
  }
  return nullptr;
}

std::string NextStep(const Reason& reason, std::string_view namespace_name, std::string_view name) {
  std::string step(reason.next);
  const std::array<std::pair<std::string_view, std::string>, 3> places = {
      {{"{namespace}", std::string(namespace_name)},
       {"{name}", std::string(name)},
       {"{pod}", api::SandboxObjectName(name)}}};
  for (const auto& [place, text] : places) {
    for (std::size_t at = step.find(place); at != std::string::npos;
         at = step.find(place, at + text.size())) {
      step.replace(at, place.size(), text);
    }
  }
  return step;
}

}  // namespace stockade::cli
