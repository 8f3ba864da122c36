#include "guard_case.h"

// Pods and their subresources that are updated.
namespace stockade::webhook {
namespace {

using codec::Json;

const std::string kLabelChanged = "SandboxLabelChanged metadata.labels[stockade.dev/sandbox]";

const std::string kOwnerChanged = "ManagedObjectChanged metadata.ownerReferences";

Json Update(const Json& user, const Json& pod, const Json& old_pod, const char* resource = "pods") {
  return Review({"UPDATE", resource, "Pod"}, user, pod, old_pod);
}

Json Change(const Json& user, const Json& pod, const char* resource = "pods") {
  return Update(user, pod, SandboxPod(), resource);
}

std::vector<GuardCase> LabelCases() {
  const Json unlabelled = Labelled(SandboxPod(), "stockade.dev/sandbox", nullptr);
  const Json deleting = With(SandboxPod(), "/metadata/deletionTimestamp", "2026-01-01T00:00:00Z");
  return {
      {"label taken off", Change(User("alice"), unlabelled), {kLabelChanged}},
      {"label taken off by an administrator", Change(Admin(), unlabelled), {kLabelChanged}},
      {"label taken off by a controller", Change(Controller("any"), unlabelled), {kLabelChanged}},
      {"label taken off by the operator", Change(Operator(), unlabelled), {kLabelChanged}},
      {"label taken off by way of the status",
       Change(User("alice"), unlabelled, "pods/status"),
       {kLabelChanged}},
      {"label taken off while the pod ends",
       Update(User("alice"), Labelled(deleting, "stockade.dev/sandbox", nullptr), deleting),
       {kLabelChanged}},
      {"label changed",
       Change(User("alice"), Labelled(SandboxPod(), "stockade.dev/sandbox", "other")),
       {kLabelChanged}},
      {"label emptied",
       Change(User("alice"), Labelled(SandboxPod(), "stockade.dev/sandbox", "")),
       {kLabelChanged}},
      {"all labels taken off",
       Change(User("alice"), With(SandboxPod(), "/metadata/labels", nullptr)),
       {"ManagedObjectChanged metadata.labels[app]",
        "ManagedObjectChanged metadata.labels[app.kubernetes.io/managed-by]", kLabelChanged}},
      {"label put on another pod",
       Update(User("alice"), Labelled(OtherPod(), "stockade.dev/sandbox", "agent"), OtherPod()),
       {kLabelChanged}},
      {"label put back by a user",
       Update(User("alice"), SandboxPod(), unlabelled),
       {kLabelChanged}},
      {"label put back by the operator", Update(Operator(), SandboxPod(), unlabelled)},
      {"label put back by the operator on the pod of another sandbox",
       Update(Operator(), Labelled(SandboxPod(), "stockade.dev/sandbox", "other"), unlabelled),
       {kLabelChanged}},
      {"label changed by the operator",
       Change(Operator(), Labelled(SandboxPod(), "stockade.dev/sandbox", "other")),
       {kLabelChanged}},
      {"label put right by the operator",
       Update(Operator(), SandboxPod(), Labelled(SandboxPod(), "stockade.dev/sandbox", "other"))},
      {"label put on another pod by the operator",
       Update(Operator(), Labelled(OtherPod(), "stockade.dev/sandbox", "agent"), OtherPod()),
       {kLabelChanged}},
      {"label put on a pod of that name without an owner by the operator",
       Update(Operator(), SandboxPod(),
              With(unlabelled, "/metadata/ownerReferences", Json::array())),
       {kLabelChanged, kOwnerChanged}},
      {"label put on a pod of a sandbox that is no controller by the operator",
       Update(Operator(), With(SandboxPod(), "/metadata/ownerReferences/0/controller", false),
              With(unlabelled, "/metadata/ownerReferences/0/controller", false)),
       {kLabelChanged}},
      {"another pod given a sandbox as its controller by the operator",
       Update(Operator(),
              With(OtherPod(), "/metadata/ownerReferences",
                   SandboxPod()["metadata"]["ownerReferences"]),
              OtherPod()),
       {kOwnerChanged}},
      {"operator patches labels", Change(Operator(), Labelled(SandboxPod(), "app", "new"))},
      // A label of the template's decides which other policies select the pod.
      {"another label",
       Change(User("alice"), Labelled(SandboxPod(), "app", "web")),
       {"ManagedObjectChanged metadata.labels[app]"}},
      {"another label by a controller",
       Change(Controller("any"), Labelled(SandboxPod(), "a", "b"))},
      {"managed-by by a controller",
       Change(Controller("any"), Labelled(SandboxPod(), "app.kubernetes.io/managed-by", "x")),
       {"ManagedObjectChanged metadata.labels[app.kubernetes.io/managed-by]"}},
      {"another pod given a sandbox as its controller",
       Update(User("alice"),
              With(OtherPod(), "/metadata/ownerReferences",
                   SandboxPod()["metadata"]["ownerReferences"]),
              OtherPod()),
       {"ManagedObjectChanged metadata.ownerReferences"}},
      {"image of a pod whose label is gone",
       Update(User("alice"), With(unlabelled, "/spec/containers/0/image", "evil"), unlabelled),
       {"ImageChanged spec.containers[0].image"}},
      {"labels of another pod",
       Update(User("alice"), Labelled(OtherPod(), "app", "x"), OtherPod())},
  };
}

std::vector<GuardCase> MetadataCases() {
  const std::string annotation = "ManagedObjectChanged metadata.annotations";
  return {
      {"nothing", Change(User("alice"), SandboxPod())},
      {"managed fields alone",
       Change(User("alice"), With(SandboxPod(), "/metadata/managedFields", Json::array({1})))},
      {"harmless annotation", Change(User("alice"), Annotated(SandboxPod(), "note", "x"))},
      {"kubectl's annotation",
       Change(User("alice"), Annotated(SandboxPod(), "kubectl.kubernetes.io/restartedAt", "x"))},
      {"operator's digest",
       Change(User("alice"), Annotated(SandboxPod(), "stockade.dev/spec-hash", "forged")),
       {annotation + "[stockade.dev/spec-hash]"}},
      {"operator's digest taken off",
       Change(Admin(), Annotated(SandboxPod(), "stockade.dev/spec-hash", nullptr)),
       {annotation + "[stockade.dev/spec-hash]"}},
      {"operator's digest by a controller",
       Change(Controller("any"), Annotated(SandboxPod(), "stockade.dev/spec-hash", "x")),
       {annotation + "[stockade.dev/spec-hash]"}},
      {"runtime's annotation",
       Change(User("alice"), Annotated(SandboxPod(), "dev.gvisor.flag.net", "host")),
       {annotation + "[dev.gvisor.flag.net]"}},
      {"runtime's annotation by way of the status",
       Change(User("alice"), Annotated(SandboxPod(), "io.katacontainers.x", "y"), "pods/status"),
       {annotation + "[io.katacontainers.x]"}},
      {"network's annotation",
       Change(User("alice"), Annotated(SandboxPod(), "k8s.v1.cni.cncf.io/networks", "x")),
       {annotation + "[k8s.v1.cni.cncf.io/networks]"}},
      {"network's annotation by a node",
       Change(Node("node-1"), Annotated(SandboxPod(), "cni.projectcalico.org/podIP", "x"),
              "pods/status")},
      {"network's annotation by a trusted account",
       Change(User("cni"), Annotated(SandboxPod(), "k8s.ovn.org/pod-networks", "x"))},
      {"foreign annotation taken off",
       Update(User("alice"), SandboxPod(), Annotated(SandboxPod(), "k8s.ovn.org/x", "y"))},
      {"owner taken off",
       Change(User("alice"), With(SandboxPod(), "/metadata/ownerReferences", Json::array())),
       {"ManagedObjectChanged metadata.ownerReferences"}},
      {"owner taken off by the garbage collector",
       Change(Controller("generic-garbage-collector"),
              With(SandboxPod(), "/metadata/ownerReferences", Json::array()))},
      {"finalizer of somebody",
       Change(User("alice"), With(SandboxPod(), "/metadata/finalizers", {"example.com/x"}))},
  };
}

std::vector<GuardCase> SpecCases() {
  const Json image = With(SandboxPod(), "/spec/containers/0/image", "registry.example/evil:1");
  const Json toleration = With(SandboxPod(), "/spec/tolerations",
                               Json::array({{{"key", "x"}, {"operator", "Exists"}}}));
  const Json status = With(SandboxPod(), "/status/phase", "Failed");
  const Json ephemeral = With(SandboxPod(), "/spec/ephemeralContainers",
                              Json::array({{{"name", "debug"}, {"image", "evil"}}}));
  const Json resized = With(SandboxPod(), "/spec/containers/0/resources/limits/cpu", "64");
  const std::string image_changed = "ImageChanged spec.containers[0].image";
  return {
      {"image", Change(User("alice"), image), {image_changed}},
      {"image by an administrator", Change(Admin(), image), {image_changed}},
      {"image by a controller", Change(Controller("any"), image), {image_changed}},
      {"image by a node", Change(Node("node-1"), image), {image_changed}},
      {"image of an init container",
       Update(User("alice"),
              With(SandboxPod(), "/spec/initContainers", Json::array({{{"image", "evil"}}})),
              With(SandboxPod(), "/spec/initContainers", Json::array({{{"image", "good"}}}))),
       {"ImageChanged spec.initContainers[0].image"}},
      {"image and more",
       Change(User("alice"), With(image, "/spec/activeDeadlineSeconds", 1)),
       {image_changed, "ManagedObjectChanged spec.activeDeadlineSeconds"}},
      {"image and label at once",
       Change(User("alice"), Labelled(image, "stockade.dev/sandbox", nullptr)),
       {kLabelChanged, image_changed}},
      {"toleration", Change(User("alice"), toleration), {"ManagedObjectChanged spec.tolerations"}},
      {"toleration of another pod",
       Update(User("alice"), With(OtherPod(), "/spec/activeDeadlineSeconds", 1), OtherPod())},
      {"operator changes a spec", Change(Operator(), toleration)},
      {"status by a kubelet", Change(Node("node-1"), status, "pods/status")},
      {"status by the scheduler", Change(User("system:kube-scheduler"), status, "pods/status")},
      {"status by a controller",
       Change(Controller("taint-eviction-controller"), status, "pods/status")},
      {"status by a user", Change(User("alice"), status, "pods/status"), {"StatusForged status"}},
      {"status by an administrator",
       Change(Admin(), status, "pods/status"),
       {"StatusForged status"}},
      {"status by the operator",
       Change(Operator(), status, "pods/status"),
       {"StatusForged status"}},
      {"status of another pod", Update(User("alice"), With(OtherPod(), "/status/phase", "Failed"),
                                       OtherPod(), "pods/status")},
      {"annotation by way of the status",
       Change(User("alice"), Annotated(SandboxPod(), "note", "x"), "pods/status")},
      {"ephemeral container",
       Change(User("alice"), ephemeral, "pods/ephemeralcontainers"),
       {"EphemeralContainer spec.ephemeralContainers"}},
      {"ephemeral container by the operator",
       Change(Operator(), ephemeral, "pods/ephemeralcontainers"),
       {"EphemeralContainer spec.ephemeralContainers"}},
      {"ephemeral container in another pod",
       Update(User("alice"), OtherPod(), OtherPod(), "pods/ephemeralcontainers")},
      {"resize", Change(User("alice"), resized, "pods/resize"), {"PodResize spec.containers"}},
      {"resize by a controller",
       Change(Controller("vpa-updater"), resized, "pods/resize"),
       {"PodResize spec.containers"}},
      {"resize of another pod", Update(User("alice"), OtherPod(), OtherPod(), "pods/resize")},
  };
}

}  // namespace

std::vector<GuardCase> PodUpdateCases() {
  std::vector<GuardCase> cases = LabelCases();
  for (auto* const more : {MetadataCases, SpecCases}) {
    for (GuardCase& test : more()) cases.push_back(std::move(test));
  }
  return cases;
}

}  // namespace stockade::webhook
