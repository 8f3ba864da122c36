#include "policy/guard_rules.h"

#include <array>

#include "policy/rule_groups.h"

// Rules for requests that concern what the operator owns. They have no check here: the webhook's
// guards, which know who asks for what, report by them.
namespace stockade::policy {
namespace {

constexpr std::array kRules = {
    Rule{.code = kForgedSandboxPod,
         .judges = JudgedObject::kRequest,
         .fields = "creation of a pod with the label stockade.dev/sandbox",
         .summary = "Only the operator creates pods with the label of a sandbox, each under the "
                    "sandbox's name, and even its pods are judged as rendered ones. A pod of "
                    "somebody else's making would pass for an agent and keep the boundary from "
                    "being taken down.",
         .remedy = "remove the label; create an AgentSandbox to run an agent",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kSandboxLabelChanged,
         .judges = JudgedObject::kRequest,
         .fields = "metadata.labels[stockade.dev/sandbox] of a pod, before and after",
         .summary = "The network policies of a sandbox select its pod by this label, and the "
                    "guards find it by the label, so nobody takes it off, changes it, or puts it "
                    "on another pod. What counts is the pod as it was.",
         .remedy = "leave the label as it is",
         .references = {.cve = "CVE-2021-25735", .principle = Principle::kIsolation}},
    Rule{.code = kManagedObjectChanged,
         .judges = JudgedObject::kRequest,
         .fields = "pods of sandboxes; NetworkPolicies, Services, claims, Secrets and ConfigMaps "
                   "with the label app.kubernetes.io/managed-by: stockade or an AgentSandbox as "
                   "their controller, Deployments of gateways; the NetworkPolicies "
                   "stockade-deny-all and stockade-gateway-deny-all",
         .summary = "What the operator made it alone changes. Others may set annotations and "
                    "finalizers that mean nothing to it, and delete all but the deny-alls, which "
                    "go with the last sandbox of their namespace.",
         .remedy = "change the AgentSandbox instead: the operator makes everything else follow",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kImageChanged,
         .judges = JudgedObject::kRequest,
         .fields = "spec.containers[].image and spec.initContainers[].image of a running pod",
         .summary = "The image of a running sandbox is what its AgentSandbox, which has been "
                    "judged, says.",
         .remedy = "change the image in spec.podTemplate of the AgentSandbox",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kPodResize,
         .judges = JudgedObject::kRequest,
         .fields = "pods/resize",
         .summary =
             "A running sandbox keeps the resources that were judged, and so does its gateway. "
             "In-place resizing would pass by the limits.",
         .remedy = "change the resources in spec.podTemplate of the AgentSandbox",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = kStatusForged,
         .judges = JudgedObject::kRequest,
         .fields = "pods/status",
         .summary = "Only nodes and the control plane say how a sandbox's pod is: a pod that "
                    "claims to have ended is replaced, and its addresses are routed to.",
         .remedy = "delete the pod to have it replaced",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = kForcedDeletion,
         .judges = JudgedObject::kRequest,
         .fields = "deletion and eviction of a pod with gracePeriodSeconds 0",
         .summary = "A pod that is deleted by force is gone from the API server while it may still "
                    "run on its node, and the boundary would be taken down around it. Nodes and "
                    "the control plane, which know that it has ended, may do so.",
         .remedy = "leave out --force and --grace-period=0; for a node that is lost, delete the "
                   "Node or taint it with node.kubernetes.io/out-of-service",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kExecIntoProxy,
         .judges = JudgedObject::kRequest,
         .fields = "container of pods/exec and pods/attach; pods whose names begin with asg-",
         .summary = "Nobody enters the operator's own containers, whose names begin with "
                    "stockade-, or the pods of gateways: they hold what the agent must not see.",
         .remedy = "name a container of the pod template",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kExecForbidden,
         .judges = JudgedObject::kRequest,
         .fields = "pods/exec and pods/attach",
         .summary = "The sandbox's spec.access, or an AgentSandboxPolicy of its namespace, forbids "
                    "to run commands in it or to attach to it.",
         .remedy = "allow it in spec.access of the AgentSandbox, as far as the policies of its "
                   "namespace let you",
         .references = {.kubescape = "C-0002", .principle = Principle::kLeastPrivilege}},
    Rule{.code = kPortForward,
         .judges = JudgedObject::kRequest,
         .fields = "pods/portforward",
         .summary = "A forwarded port enters the pod's network from inside, where no network "
                    "policy applies and where everything that listens on its loopback address can "
                    "be reached. So it has to be allowed for each sandbox; of a gateway nobody "
                    "forwards one.",
         .remedy = "write spec.access.portForward: Allow into the AgentSandbox, as far as the "
                   "policies of its namespace let you, or allow peers in spec.ingress",
         .references = {.kubescape = "C-0063", .principle = Principle::kLeastPrivilege}},
    Rule{.code = kProxySubresource,
         .judges = JudgedObject::kRequest,
         .fields = "pods/proxy and services/proxy of names that begin with asb- or asg-",
         .summary = "The API server's proxy speaks HTTP to a pod from the control plane, from "
                    "where many networks let everything through.",
         .remedy = "allow peers in spec.ingress of the AgentSandbox and connect from there",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = kEgressWidened,
         .judges = JudgedObject::kRequest,
         .fields = "podSelector, policyTypes, ingress and egress of NetworkPolicies",
         .summary =
             "Network policies are a union: one that selects a sandbox's pod and allows any "
             "traffic opens its boundary. One that selects the pods of a gateway lets others "
             "reach it, or lets it reach what it is to refuse.",
         .remedy = "exclude sandboxes from its podSelector by the matchExpression {key: "
                   "stockade.dev/sandbox, operator: DoesNotExist}; spec.ingress of the "
                   "AgentSandbox allows peers to reach it",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kOtherPolicyKinds,
         .judges = JudgedObject::kRequest,
         .fields = "selectors and rules of CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, "
                   "NetworkPolicy and GlobalNetworkPolicy of Calico, AdminNetworkPolicy, "
                   "ClusterNetworkPolicy",
         .summary = "Policies of network plugins allow traffic like those of Kubernetes, and some "
                    "kinds come before them. One that may concern a sandbox or a gateway allows "
                    "nothing.",
         .remedy = "exclude sandboxes from its selector: {key: stockade.dev/sandbox, operator: "
                   "DoesNotExist} in matchExpressions, or in a selector of Calico's && "
                   "!has(stockade.dev/sandbox)",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kRuntimeClassInUse,
         .judges = JudgedObject::kRequest,
         .fields = "deletion of a RuntimeClass; its handler, overhead and scheduling",
         .summary = "A RuntimeClass by which sandboxes run stays what it is: one that is deleted "
                    "and made again with another handler would take their isolation away.",
         .remedy = "suspend or delete the sandboxes of that tier first, or map the tier to another "
                   "RuntimeClass",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kGatewayLabelForged,
         .judges = JudgedObject::kRequest,
         .fields = "metadata.labels[stockade.dev/gateway] of pods and of the pod templates of "
                   "Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, "
                   "ReplicationControllers and PodTemplates; names that begin with asg-",
         .summary = "The pods of gateways come from the operator's Deployments alone. Sandboxes "
                    "may connect to every pod with the label of their gateway, and such a pod may "
                    "reach what the gateway may: another's would be a way out past all rules.",
         .remedy = "remove the label and choose another name; spec.egress of an AgentSandbox "
                   "makes a gateway",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = kCredentialNotReadable,
         .judges = JudgedObject::kRequest,
         .fields = "spec.credentials[].header.secretKeyRef, "
                   "spec.credentials[].basicAuth.secretKeyRef",
         .summary = "Whoever names a Secret in a sandbox, or changes where such a sandbox sends "
                    "its credentials, must be allowed to read that Secret: the gateway would "
                    "send its value wherever he says.",
         .remedy = "name a Secret that you may read, or ask for the right to get this one",
         .references = {.kubescape = "C-0015", .principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> GuardRules() { return kRules; }

}  // namespace stockade::policy
