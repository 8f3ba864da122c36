#include "guard_case.h"

// Gateways: their pods, what could make such pods, and their names.
namespace stockade::webhook {
namespace {

using codec::Json;

constexpr const char* kLabelPath = "metadata.labels[stockade.dev/gateway]";
const std::string kForged = std::string("GatewayLabelForged ") + kLabelPath;
const std::string kForgedTemplate = std::string("GatewayLabelForged spec.template.") + kLabelPath;
const std::string kForgedName = "GatewayLabelForged metadata.name";
const std::string kChanged = "ManagedObjectChanged ";

Json Owner(const char* kind, const std::string& name) {
  return Json::array(
      {{{"apiVersion", "apps/v1"}, {"kind", kind}, {"name", name}, {"controller", true}}});
}

Json GatewayPod() {
  return Json::parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "asg-agent-5d4f-x2x2x", "namespace": "team",
                 "labels": {"app.kubernetes.io/managed-by": "stockade",
                            "stockade.dev/gateway": "asg-agent", "pod-template-hash": "5d4f"},
                 "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet",
                                      "name": "asg-agent-5d4f", "controller": true}]},
    "spec": {"nodeName": "node-1",
             "containers": [{"name": "stockade-gateway", "image": "registry.example/envoy:1"}]},
    "status": {"phase": "Running"}})");
}

Json Workload(const char* kind, const std::string& name) {
  return {{"apiVersion", "apps/v1"},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", "team"},
            {"labels", {{"app.kubernetes.io/managed-by", "stockade"}}}}},
          {"spec",
           {{"replicas", 1},
            {"template",
             {{"metadata", {{"labels", {{"stockade.dev/gateway", "asg-agent"}}}}},
              {"spec", {{"serviceAccountName", "stockade-gateway"}}}}}}}};
}

Json GatewayReplicaSet() {
  return With(Workload("ReplicaSet", "asg-agent-5d4f"), "/metadata/ownerReferences",
              Owner("Deployment", "asg-agent"));
}

// The same of a gateway that no single sandbox has.
Json Shared(const Json& object) {
  std::string text = object.dump();
  for (std::size_t at = text.find("asg-agent"); at != std::string::npos;
       at = text.find("asg-agent", at)) {
    text.replace(at, std::string("asg-agent").size(), "asg--0123");
  }
  return Json::parse(text);
}

// Of a user, without anything of the operator's but the label of its pods.
Json Theirs(const char* kind) {
  Json workload = Workload(kind, "relay");
  workload["metadata"].erase("labels");
  return workload;
}

Json In(const char* group, Json review) {
  review["request"]["resource"]["group"] = group;
  review["request"]["kind"]["group"] = group;
  return review;
}

Json Make(const char* group, const char* resource, const Json& object,
          const Json& user = User("alice")) {
  return In(group, Review({"CREATE", resource, std::string(object["kind"])}, user, object));
}

Json Change(const char* group, const char* resource, const Json& object, const Json& old_object,
            const Json& user = User("alice")) {
  return In(group,
            Review({"UPDATE", resource, std::string(object["kind"])}, user, object, old_object));
}

Json WithGrace(Json review, int seconds) {
  review["request"]["options"] = {{"gracePeriodSeconds", seconds}};
  return review;
}

Json EvictionOfGateway(const Json& user, int seconds) {
  return Review({"CREATE", "pods/eviction", "Eviction"}, user,
                {{"metadata", {{"name", "asg-agent-5d4f-x2x2x"}}},
                 {"deleteOptions", {{"gracePeriodSeconds", seconds}}}});
}

std::vector<GuardCase> PodCasesOfGateways() {
  const Json controller = Controller("replicaset-controller");
  const Json other_owner =
      With(GatewayPod(), "/metadata/ownerReferences", Owner("ReplicaSet", "relay-5d4f"));
  const Json other_kind =
      With(GatewayPod(), "/metadata/ownerReferences", Owner("StatefulSet", "asg-agent-5d4f"));
  const Json generated = [] {
    Json pod = GatewayPod();
    pod["metadata"].erase("name");
    pod["metadata"]["generateName"] = "asg-agent-5d4f-";
    return pod;
  }();
  const Json unlabelled = Labelled(GatewayPod(), "stockade.dev/gateway", nullptr);
  const Json image = With(GatewayPod(), "/spec/containers/0/image", "evil.example/envoy:1");
  const Json debugged = With(GatewayPod(), "/spec/ephemeralContainers", Json::array({"x"}));
  const Json running = With(GatewayPod(), "/status/podIP", "10.0.0.9");
  return {
      {"gateway's pod by its controller", Make("", "pods", GatewayPod(), controller)},
      {"gateway's pod by the controller of all",
       Make("", "pods", GatewayPod(), User("system:kube-controller-manager"))},
      {"gateway's pod of a name to be generated", Make("", "pods", generated, controller)},
      {"gateway's pod by a user", Make("", "pods", GatewayPod()), {kForged}},
      {"gateway's pod by an administrator", Make("", "pods", GatewayPod(), Admin()), {kForged}},
      {"gateway's pod by the operator", Make("", "pods", GatewayPod(), Operator()), {kForged}},
      {"gateway's pod by another controller",
       Make("", "pods", GatewayPod(), Controller("job-controller")),
       {kForged}},
      {"gateway's pod by a controller of another namespace",
       Make("", "pods", GatewayPod(), ServiceAccount("evil", "replicaset-controller")),
       {kForged}},
      {"shared gateway's pod by its controller",
       Make("", "pods", Shared(GatewayPod()), controller)},
      {"shared gateway's pod by a user", Make("", "pods", Shared(GatewayPod())), {kForged}},
      {"shared gateway's pod of the ReplicaSet of a sandbox's own",
       Make("", "pods", Labelled(GatewayPod(), "stockade.dev/gateway", "asg--0123"), controller),
       {kForged}},
      {"gateway's pod of another ReplicaSet", Make("", "pods", other_owner, controller), {kForged}},
      {"gateway's pod of another kind of owner",
       Make("", "pods", other_kind, controller),
       {kForged}},
      {"pod named like a gateway's",
       Make("", "pods", With(OtherPod(), "/metadata/name", "asg-web")),
       {kForgedName}},
      {"pod named like one but for the end",
       Make("", "pods", With(OtherPod(), "/metadata/name", "web-asg-"))},
      {"sandbox's pod that passes for a gateway's",
       Make("", "pods", Labelled(SandboxPod(), "stockade.dev/gateway", "asg-agent")),
       {kForged, "ForgedSandboxPod metadata.labels[stockade.dev/sandbox]"}},
      {"pod given a gateway's label",
       Change("", "pods", Labelled(OtherPod(), "stockade.dev/gateway", "asg-agent"), OtherPod()),
       {kForged}},
      {"pod given a gateway's label with its status",
       Change("", "pods/status", Labelled(OtherPod(), "stockade.dev/gateway", "asg-agent"),
              OtherPod()),
       {kForged}},
      {"gateway's label taken off", Change("", "pods", unlabelled, GatewayPod()), {kForged}},
      {"gateway's label taken off by the operator's namesake",
       Change("", "pods", unlabelled, GatewayPod(), ServiceAccount("evil", "stockade-operator")),
       {kForged}},
      {"image of a gateway",
       Change("", "pods", image, GatewayPod()),
       {"ImageChanged spec.containers[0].image"}},
      {"label of a gateway's pod by which others may select it",
       Change("", "pods", Labelled(GatewayPod(), "app", "web"), GatewayPod()),
       {kChanged + "metadata.labels[app]"}},
      {"annotation of a gateway's pod",
       Change("", "pods", Annotated(GatewayPod(), "note", "x"), GatewayPod())},
      {"debugging of a gateway's pod",
       Change("", "pods/ephemeralcontainers", debugged, GatewayPod(), Admin()),
       {"EphemeralContainer spec.ephemeralContainers"}},
      {"status of a gateway's pod by its node",
       Change("", "pods/status", running, GatewayPod(), Node("node-1"))},
      {"status of a gateway's pod by a user",
       Change("", "pods/status", running, GatewayPod()),
       {"StatusForged status"}},
      {"resize of a gateway's pod",
       Change("", "pods/resize", GatewayPod(), GatewayPod(), Admin()),
       {"PodResize spec.containers"}},
      {"resize of a gateway's pod by the operator",
       Change("", "pods/resize", GatewayPod(), GatewayPod(), Operator()),
       {"PodResize spec.containers"}},
      {"gateway's pod deleted",
       Review({"DELETE", "pods", "Pod"}, User("alice"), nullptr, GatewayPod())},
      {"gateway's pod deleted by force",
       WithGrace(Review({"DELETE", "pods", "Pod"}, Admin(), nullptr, GatewayPod()), 0),
       {"ForcedDeletion gracePeriodSeconds"}},
      {"gateway's pod deleted by its node",
       WithGrace(Review({"DELETE", "pods", "Pod"}, Node("node-1"), nullptr, GatewayPod()), 0)},
      {"gateway's pod without a node deleted by force",
       WithGrace(Review({"DELETE", "pods", "Pod"}, User("alice"), nullptr,
                        With(GatewayPod(), "/spec/nodeName", "")),
                 0)},
      {"gateway's pod evicted", EvictionOfGateway(User("alice"), 30)},
      {"gateway's pod evicted by force",
       EvictionOfGateway(User("alice"), 0),
       {"ForcedDeletion deleteOptions.gracePeriodSeconds"}},
      {"gateway's pod deleted by force by whom the configuration trusts",
       WithGrace(Review({"DELETE", "pods", "Pod"}, User("cni"), nullptr, GatewayPod()), 0)},
      {"gateway's pod deleted by force by a group that it trusts",
       WithGrace(
           Review({"DELETE", "pods", "Pod"}, User("someone", {"platform"}), nullptr, GatewayPod()),
           0)},
      {"gateway's pod evicted by force by whom the configuration trusts",
       EvictionOfGateway(User("cni"), 0)},
      {"gateway's pod made by whom the configuration trusts",
       Review({"CREATE", "pods", "Pod"}, User("cni"), GatewayPod()),
       {kForged}},
      {"gateway's pod bound by a user",
       Review({"CREATE", "pods/binding", "Binding"}, User("alice"),
              {{"metadata", {{"name", "asg-agent-5d4f-x2x2x"}}}}),
       {kChanged + "target"}},
  };
}

std::vector<GuardCase> WorkloadCases() {
  const Json deployment = Workload("Deployment", "asg-agent");
  const Json controller = Controller("deployment-controller");
  const Json strangers =
      With(GatewayReplicaSet(), "/metadata/ownerReferences", Owner("Deployment", "relay"));
  const Json image = With(deployment, "/spec/template/spec/containers", Json::array({"x"}));
  const Json without_label = With(deployment, "/spec/template/metadata/labels", {{"app", "web"}});
  const Json scaled = With(GatewayReplicaSet(), "/spec/replicas", 2);
  Json cron_job = Theirs("CronJob");
  cron_job["spec"] = {{"jobTemplate", {{"spec", cron_job["spec"]}}}};
  Json pod_template = Theirs("PodTemplate");
  pod_template["template"] = pod_template["spec"]["template"];
  pod_template.erase("spec");
  const Json plain = With(Theirs("Deployment"), "/spec/template/metadata", Json::object());
  return {
      {"gateway's Deployment by the operator", Make("apps", "deployments", deployment, Operator())},
      {"gateway's Deployment changed by the operator",
       Change("apps", "deployments", image, deployment, Operator())},
      {"shared gateway's Deployment by the operator",
       Make("apps", "deployments", Shared(deployment), Operator())},
      {"shared gateway's Deployment by a user",
       Make("apps", "deployments", Shared(deployment)),
       {kForgedTemplate}},
      {"shared gateway's Deployment changed by a user",
       Change("apps", "deployments", Shared(image), Shared(deployment)),
       {kChanged + "spec.template"}},
      {"gateway's Deployment given an owner through its status",
       Change("apps", "deployments/status",
              With(deployment, "/metadata/ownerReferences", Owner("Deployment", "relay")),
              deployment),
       {kChanged + "metadata.ownerReferences"}},
      {"status of a gateway's Deployment",
       Change("apps", "deployments/status", With(deployment, "/status", {{"replicas", 1}}),
              deployment)},
      {"shared gateway's ReplicaSet by its controller",
       Make("apps", "replicasets", Shared(GatewayReplicaSet()), controller)},
      {"gateway's Deployment by a user",
       Make("apps", "deployments", deployment),
       {kForgedTemplate}},
      {"Deployment that makes pods of a gateway",
       Make("apps", "deployments", Theirs("Deployment")),
       {kForgedTemplate}},
      {"the same by an administrator",
       Make("apps", "deployments", Theirs("Deployment"), Admin()),
       {kForgedTemplate}},
      {"the same by a controller",
       Make("apps", "deployments", Theirs("Deployment"), controller),
       {kForgedTemplate}},
      {"ReplicaSet that makes pods of a gateway",
       Make("apps", "replicasets", Theirs("ReplicaSet")),
       {kForgedTemplate}},
      {"StatefulSet that makes pods of a gateway",
       Make("apps", "statefulsets", Theirs("StatefulSet")),
       {kForgedTemplate}},
      {"DaemonSet that makes pods of a gateway",
       Make("apps", "daemonsets", Theirs("DaemonSet")),
       {kForgedTemplate}},
      {"Job that makes pods of a gateway", Make("batch", "jobs", Theirs("Job")), {kForgedTemplate}},
      {"CronJob that makes pods of a gateway",
       Make("batch", "cronjobs", cron_job),
       {"GatewayLabelForged spec.jobTemplate.spec.template." + std::string(kLabelPath)}},
      {"ReplicationController that makes pods of a gateway",
       Make("", "replicationcontrollers", Theirs("ReplicationController")),
       {kForgedTemplate}},
      {"PodTemplate of a gateway",
       Make("", "podtemplates", pod_template),
       {"GatewayLabelForged template." + std::string(kLabelPath)}},
      {"Deployment of somebody", Make("apps", "deployments", plain)},
      {"Deployment of somebody named like a gateway",
       Make("apps", "deployments", With(plain, "/metadata/name", "asg-web")),
       {kForgedName}},
      {"Deployment of somebody turned into a gateway",
       Change("apps", "deployments", Theirs("Deployment"), plain),
       {kForgedTemplate}},
      {"ReplicaSet of a gateway by its controller",
       Make("apps", "replicasets", GatewayReplicaSet(), controller)},
      {"ReplicaSet of a gateway by another controller",
       Make("apps", "replicasets", GatewayReplicaSet(), Controller("replicaset-controller")),
       {kForgedTemplate}},
      {"ReplicaSet of a gateway that another Deployment has",
       Make("apps", "replicasets", strangers, controller),
       {kForgedTemplate}},
      {"ReplicaSet of a gateway scaled by its controller",
       Change("apps", "replicasets", scaled, GatewayReplicaSet(), controller)},
      {"ReplicaSet of a gateway scaled by a user",
       Change("apps", "replicasets", scaled, GatewayReplicaSet()),
       {kChanged + "spec.replicas"}},
      {"gateway's Deployment changed by a user",
       Change("apps", "deployments", image, deployment),
       {kChanged + "spec.template"}},
      {"gateway's Deployment changed by an administrator",
       Change("apps", "deployments", image, deployment, Admin()),
       {kChanged + "spec.template"}},
      {"gateway's Deployment that loses the label of its pods",
       Change("apps", "deployments", without_label, deployment),
       {kChanged + "spec.template"}},
      {"gateway's Deployment without that label changed further",
       Change("apps", "deployments", With(without_label, "/spec/replicas", 0), without_label),
       {kChanged + "spec.replicas"}},
      {"annotation of a gateway's Deployment",
       Change("apps", "deployments", Annotated(deployment, "note", "x"), deployment)},
      {"owner of a gateway's ReplicaSet that the garbage collector takes off",
       Change("apps", "replicasets",
              With(GatewayReplicaSet(), "/metadata/ownerReferences", nullptr), GatewayReplicaSet(),
              Controller("generic-garbage-collector"))},
  };
}

std::vector<GuardCase> NameCases() {
  const auto object = [](const char* kind, const char* name) -> Json {
    return {{"kind", kind}, {"metadata", {{"name", name}, {"namespace", "team"}}}};
  };
  const Json generated = {{"kind", "Service"}, {"metadata", {{"generateName", "asg-"}}}};
  const Json deny_all = object("NetworkPolicy", "stockade-gateway-deny-all");
  const char* const policies = "networkpolicies";
  const char* const networking = "networking.k8s.io";
  const Json wide = With(deny_all, "/spec", {{"egress", Json::array({Json::object()})}});
  return {
      {"Service named like a gateway's",
       Make("", "services", object("Service", "asg-agent")),
       {kForgedName}},
      {"Service named like one by generation", Make("", "services", generated), {kForgedName}},
      {"ConfigMap named like a gateway's",
       Make("", "configmaps", object("ConfigMap", "asg-agent-gateway")),
       {kForgedName}},
      {"allowance named like a gateway's",
       Make(networking, policies, object("NetworkPolicy", "asg-agent-gateway"), Admin()),
       {kForgedName}},
      {"Service of a gateway by the operator",
       Make("", "services", object("Service", "asg-agent"), Operator())},
      {"ConfigMap named like a shared gateway's",
       Make("", "configmaps", object("ConfigMap", "asg--0123-gateway")),
       {kForgedName}},
      {"ConfigMap of a gateway changed",
       Change("", "configmaps", With(object("ConfigMap", "asg-agent-gateway"), "/data", {{"a", 1}}),
              object("ConfigMap", "asg-agent-gateway")),
       {kChanged + "data"}},
      {"Service of another name", Make("", "services", object("Service", "my-asg-agent"))},
      {"gateways' deny-all by the operator", Make(networking, policies, deny_all, Operator())},
      {"gateways' deny-all by a user",
       Make(networking, policies, deny_all),
       {kChanged + "metadata.name"}},
      {"gateways' deny-all opened",
       Change(networking, policies, wide, deny_all),
       {kChanged + "spec"}},
      {"gateways' deny-all deleted",
       In(networking, Review({"DELETE", policies, "NetworkPolicy"}, Admin(), nullptr, deny_all)),
       {kChanged + "metadata.name"}},
      {"gateways' deny-all deleted with the namespace",
       In(networking, Review({"DELETE", policies, "NetworkPolicy"},
                             Controller("namespace-controller"), nullptr, deny_all))},
  };
}

}  // namespace

std::vector<GuardCase> GatewayCases() {
  std::vector<GuardCase> cases = PodCasesOfGateways();
  for (auto* const more : {WorkloadCases, NameCases}) {
    for (GuardCase& test : more()) cases.push_back(std::move(test));
  }
  return cases;
}

}  // namespace stockade::webhook
