#include "guard_case.h"
#include "tests/unit/policy/objects.h"

// Pods that are created, bound, evicted and deleted.
namespace stockade::webhook {
namespace {

using codec::Json;

constexpr const char* kLabelPath = "metadata.labels[stockade.dev/sandbox]";
const std::string kForged = std::string("ForgedSandboxPod ") + kLabelPath;

Json Created() {
  Json pod = SandboxPod();
  pod["spec"].erase("nodeName");
  pod.erase("status");
  return pod;
}

// What the API server's own plugins add before a webhook is asked.
Json AsAdmitted() {
  Json pod = Created();
  pod["spec"].update(Json::parse(R"({
    "priority": 0, "preemptionPolicy": "PreemptLowerPriority", "restartPolicy": "Always",
    "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
    "serviceAccountName": "default", "serviceAccount": "default",
    "imagePullSecrets": [{"name": "registry"}],
    "overhead": {"cpu": "100m", "memory": "64Mi"},
    "nodeSelector": {"sandbox.example.com/runtime": "gvisor"},
    "tolerations": [
      {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
       "tolerationSeconds": 300},
      {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
       "tolerationSeconds": 300}]})"));
  return pod;
}

Json Create(const Json& user, const Json& pod) {
  return Review({"CREATE", "pods", "Pod"}, user, pod);
}

Json Delete(const Json& user, const Json& pod, const Json& grace) {
  Json review = Review({"DELETE", "pods", "Pod"}, user, nullptr, pod);
  review["request"]["options"] = {
      {"apiVersion", "meta.k8s.io/v1"}, {"kind", "DeleteOptions"}, {"gracePeriodSeconds", grace}};
  return review;
}

Json Evict(const Json& user, const std::string& pod, const Json& options) {
  return Review({"CREATE", "pods/eviction", "Eviction"}, user,
                {{"metadata", {{"name", pod}}}, {"deleteOptions", options}});
}

Json Bind(const Json& user, const char* resource, const std::string& pod) {
  return Review({"CREATE", resource, "Binding"}, user,
                {{"metadata", {{"name", pod}}}, {"target", {{"name", "node-2"}}}});
}

std::vector<GuardCase> CreationCases() {
  const Json generated = [] {
    Json pod = Created();
    pod["metadata"].erase("name");
    pod["metadata"]["generateName"] = "asb-";
    return pod;
  }();
  Json dry_run = Create(User("alice"), Created());
  dry_run["request"]["dryRun"] = true;
  const Json privileged = With(Created(), "/spec/containers/0/securityContext/privileged", true);
  return {
      {"operator creates", Create(Operator(), Created())},
      {"operator creates, with the plugins' additions", Create(Operator(), AsAdmitted())},
      {"user creates", Create(User("alice"), Created()), {kForged}},
      {"administrator creates", Create(Admin(), Created()), {kForged}},
      {"user creates in a dry run", dry_run, {kForged}},
      {"user creates by a generated name", Create(User("alice"), generated), {kForged}},
      {"controller of a workload creates",
       Create(Controller("replicaset-controller"), Created()),
       {kForged}},
      {"kubelet creates a mirror pod", Create(Node("node-1"), Created()), {kForged}},
      {"empty label",
       Create(User("alice"), Labelled(OtherPod(), "stockade.dev/sandbox", "")),
       {kForged}},
      {"user without a name", Create(Json::object(), Created()), {kForged}},
      // Names that look like the operator's.
      {"operator of another namespace",
       Create(ServiceAccount("evil", "stockade-operator"), Created()),
       {kForged}},
      {"operator with a suffix",
       Create(ServiceAccount("stockade-system", "stockade-operator2"), Created()),
       {kForged}},
      {"operator with a dot",
       Create(ServiceAccount("stockade-system", "stockade-operator."), Created()),
       {kForged}},
      {"another account of its namespace",
       Create(ServiceAccount("stockade-system", "stockade-webhook"), Created()),
       {kForged}},
      {"operator in capitals",
       Create(User("system:serviceaccount:stockade-system:Stockade-Operator"), Created()),
       {kForged}},
      {"operator with a space",
       Create(User("system:serviceaccount:stockade-system:stockade-operator "), Created()),
       {kForged}},
      {"operator's name alone", Create(User("stockade-operator"), Created()), {kForged}},
      {"operator's groups alone",
       Create(User("eve", {"system:serviceaccounts", "system:serviceaccounts:stockade-system"}),
              Created()),
       {kForged}},
      {"operator of kube-system", Create(Controller("stockade-operator"), Created()), {kForged}},
      // What the operator itself may not create.
      {"operator creates a sandbox's pod without the label",
       Create(Operator(), Labelled(Created(), "stockade.dev/sandbox", nullptr)),
       {kForged}},
      {"operator creates any other pod", Create(Operator(), OtherPod()), {kForged}},
      {"operator creates under another name",
       Create(Operator(), With(Created(), "/metadata/name", "agent")),
       {"ForgedSandboxPod metadata.name"}},
      {"operator creates by a generated name",
       Create(Operator(), generated),
       {"ForgedSandboxPod metadata.name"}},
      {"operator puts its container among the agent's",
       Create(Operator(), With(Created(), "/spec/containers/0/name", "stockade-proxy")),
       {"ForgedSandboxPod spec.containers[0].name", "ReservedName spec.containers[0].name"}},
      {"operator creates a privileged pod",
       Create(Operator(), privileged),
       {"PrivilegedContainer spec.containers[0].securityContext.privileged"}},
      {"operator creates a pod on the host's network",
       Create(Operator(), With(Created(), "/spec/hostNetwork", true)),
       {"HostNamespace spec.hostNetwork"}},
      {"operator creates a pod with an ephemeral container",
       Create(Operator(), With(Created(), "/spec/ephemeralContainers",
                               Json::array({policy::HardenedContainer("debug")}))),
       {"EphemeralContainer spec.ephemeralContainers"}},
      {"operator creates a pod of a weaker runtime",
       Create(Operator(), With(Created(), "/spec/runtimeClassName", "runc")),
       {"RuntimeClassOverride spec.runtimeClassName"}},
      {"operator creates a pod for another tier",
       Create(Operator(), With(Created(), "/spec/runtimeClassName", "kata"))},
      {"user creates a pod with a sandbox as its controller",
       Create(User("alice"), Labelled(Created(), "stockade.dev/sandbox", nullptr)),
       {"ForgedSandboxPod metadata.ownerReferences"}},
      {"pod without the label", Create(User("alice"), OtherPod())},
      {"a name like a sandbox's, without the label",
       Create(User("alice"), With(OtherPod(), "/metadata/name", "asb-agent"))},
  };
}

std::vector<GuardCase> DeletionCases() {
  const std::string forced = "ForcedDeletion gracePeriodSeconds";
  const Json failed = With(SandboxPod(), "/status/phase", "Failed");
  const Json unscheduled = With(SandboxPod(), "/spec/nodeName", "");
  Json plain = Delete(User("alice"), SandboxPod(), nullptr);
  plain["request"]["options"] = nullptr;
  return {
      {"user deletes", plain},
      {"user deletes with the pod's own grace", Delete(User("alice"), SandboxPod(), nullptr)},
      {"user deletes with a second of grace", Delete(User("alice"), SandboxPod(), 1)},
      {"user deletes by force", Delete(User("alice"), SandboxPod(), 0), {forced}},
      {"administrator deletes by force", Delete(Admin(), SandboxPod(), 0), {forced}},
      {"operator deletes by force", Delete(Operator(), SandboxPod(), 0), {forced}},
      {"user deletes by force what has ended", Delete(User("alice"), failed, 0)},
      {"user deletes by force what was never bound", Delete(User("alice"), unscheduled, 0)},
      {"kubelet deletes what has ended", Delete(Node("node-1"), SandboxPod(), 0)},
      {"pod garbage collector deletes what a lost node ran",
       Delete(Controller("pod-garbage-collector"), SandboxPod(), 0)},
      {"controller manager with one account",
       Delete(User("system:kube-controller-manager"), SandboxPod(), 0)},
      {"scheduler preempts", Delete(User("system:kube-scheduler"), SandboxPod(), nullptr)},
      {"taint eviction", Delete(Controller("taint-eviction-controller"), SandboxPod(), nullptr)},
      {"somebody called like a node",
       Delete(User("system:node:node-1"), SandboxPod(), 0),
       {forced}},
      {"somebody in the nodes' group",
       Delete(User("eve", {"system:nodes"}), SandboxPod(), 0),
       {forced}},
      {"a controller's name without its group",
       Delete(User("system:serviceaccount:kube-system:pod-garbage-collector"), SandboxPod(), 0),
       {forced}},
      {"trusted by name", Delete(User("cni"), SandboxPod(), 0)},
      {"trusted by group", Delete(User("someone", {"platform"}), SandboxPod(), 0)},
      {"another pod by force", Delete(User("alice"), OtherPod(), 0)},
      {"eviction", Evict(User("alice"), "asb-agent", nullptr)},
      {"eviction with grace", Evict(User("alice"), "asb-agent", {{"gracePeriodSeconds", 30}})},
      {"eviction by force",
       Evict(User("alice"), "asb-agent", {{"gracePeriodSeconds", 0}}),
       {"ForcedDeletion deleteOptions.gracePeriodSeconds"}},
      {"eviction by force by the control plane",
       Evict(Controller("cluster-autoscaler"), "asb-agent", {{"gracePeriodSeconds", 0}})},
      {"eviction of another pod by force",
       Evict(User("alice"), "web", {{"gracePeriodSeconds", 0}})},
  };
}

}  // namespace

std::vector<GuardCase> PodCases() {
  std::vector<GuardCase> cases = CreationCases();
  for (GuardCase& test : DeletionCases()) cases.push_back(std::move(test));
  const std::string bound = "ManagedObjectChanged target";
  for (GuardCase& test : std::vector<GuardCase>{
           {"scheduler binds", Bind(User("system:kube-scheduler"), "pods/binding", "asb-agent")},
           {"user binds", Bind(User("alice"), "pods/binding", "asb-agent"), {bound}},
           {"user binds by the old resource",
            Bind(User("alice"), "bindings", "asb-agent"),
            {bound}},
           {"user binds another pod", Bind(User("alice"), "pods/binding", "web")},
           {"user makes another pod a sandbox's by binding it",
            With(Bind(User("alice"), "pods/binding", "web"), "/request/object/metadata/labels",
                 Json{{"stockade.dev/sandbox", "agent"}, {"zone", "a"}}),
            {"SandboxLabelChanged metadata.labels[stockade.dev/sandbox]"}},
           {"administrator makes another pod a gateway's by binding it",
            With(Bind(Admin(), "bindings", "web"), "/request/object/metadata/labels",
                 Json{{"stockade.dev/gateway", "asg-agent"}}),
            {"GatewayLabelForged metadata.labels[stockade.dev/gateway]"}},
           {"scheduler binds with an annotation of the operator",
            With(Bind(User("system:kube-scheduler"), "pods/binding", "asb-agent"),
                 "/request/object/metadata/annotations", Json{{"stockade.dev/issued", "x"}}),
            {"ManagedObjectChanged metadata.annotations[stockade.dev/issued]"}},
           {"trusted scheduler binds", Bind(User("cni"), "pods/binding", "asb-agent")}}) {
    cases.push_back(std::move(test));
  }
  return cases;
}

}  // namespace stockade::webhook
