#include "guard_case.h"

// NetworkPolicies, Services, claims, Secrets and ConfigMaps of the operator.
namespace stockade::webhook {
namespace {

using codec::Json;

constexpr const char* kPolicies = "networking.k8s.io/networkpolicies";
const std::string kChanged = "ManagedObjectChanged ";

Json DenyAll() {
  return Json::parse(R"({
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
    "metadata": {"name": "stockade-deny-all", "namespace": "team",
                 "labels": {"app.kubernetes.io/managed-by": "stockade"},
                 "finalizers": ["stockade.dev/pods-gone"]},
    "spec": {"podSelector": {"matchExpressions":
                 [{"key": "stockade.dev/sandbox", "operator": "Exists"}]},
             "policyTypes": ["Ingress", "Egress"]}})");
}

Json Owned(const std::string& kind, const Json& rest) {
  Json object = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", SandboxPod()["metadata"]}};
  object["metadata"].erase("annotations");
  object.update(rest);
  return object;
}

Json OwnedService() {
  return Owned("Service", {{"spec", {{"selector", {{"stockade.dev/sandbox", "agent"}}}}}});
}

Json Strangers(Json object) {
  object["metadata"].erase("labels");
  object["metadata"].erase("ownerReferences");
  object["metadata"]["name"] = "theirs";
  return object;
}

Json Change(const Json& user, const char* resource, const Json& object, const Json& old_object) {
  return Review({"UPDATE", resource, std::string(old_object["kind"])}, user, object, old_object);
}

Json Change(const Json& user, const Json& object) {
  return Change(user, kPolicies, object, DenyAll());
}

// The API server leaves the name out.
Json OfACollection(Json review) {
  review["request"].erase("name");
  return review;
}

std::vector<GuardCase> DenyAllCases() {
  const Json wide = With(DenyAll(), "/spec/egress", Json::array({Json::object()}));
  const Json unheld = With(DenyAll(), "/metadata/finalizers", Json::array());
  const auto deletion = [](const Json& user) {
    return Review({"DELETE", kPolicies, "NetworkPolicy"}, user, nullptr, DenyAll());
  };
  const auto creation = [](const Json& user) {
    return Review({"CREATE", kPolicies, "NetworkPolicy"}, user, DenyAll());
  };
  const std::string named = kChanged + "metadata.name";
  const std::string managed = kChanged + "metadata.labels[app.kubernetes.io/managed-by]";
  return {
      {"deny-all deleted with the whole collection",
       OfACollection(deletion(User("alice"))),
       {named}},
      {"operator makes the deny-all", creation(Operator())},
      {"user makes the deny-all", creation(User("alice")), {named, managed}},
      {"user makes a policy of that name",
       Review({"CREATE", kPolicies, "NetworkPolicy"}, User("alice"),
              With(Strangers(DenyAll()), "/metadata/name", "stockade-deny-all")),
       {named}},
      {"deny-all opened", Change(User("alice"), wide), {kChanged + "spec.egress"}},
      {"deny-all opened by an administrator", Change(Admin(), wide), {kChanged + "spec.egress"}},
      {"deny-all opened by a controller",
       Change(Controller("any"), wide),
       {kChanged + "spec.egress"}},
      {"deny-all opened by the operator", Change(Operator(), wide)},
      {"deny-all opened though its label was taken off before",
       Change(User("alice"), kPolicies, Labelled(wide, "app.kubernetes.io/managed-by", nullptr),
              Labelled(DenyAll(), "app.kubernetes.io/managed-by", nullptr)),
       {kChanged + "spec.egress"}},
      {"deny-all emptied of its selector",
       Change(User("alice"), With(DenyAll(), "/spec/podSelector", {{"matchLabels", {{"a", "b"}}}})),
       {kChanged + "spec.podSelector"}},
      {"finalizer taken off", Change(User("alice"), unheld), {kChanged + "metadata.finalizers"}},
      {"finalizer taken off by a controller",
       Change(Controller("any"), unheld),
       {kChanged + "metadata.finalizers"}},
      {"finalizer taken off by the operator", Change(Operator(), unheld)},
      {"finalizer of the garbage collector",
       Change(Controller("generic-garbage-collector"),
              With(DenyAll(), "/metadata/finalizers/1", "foregroundDeletion"))},
      {"label taken off",
       Change(User("alice"), Labelled(DenyAll(), "app.kubernetes.io/managed-by", nullptr)),
       {managed}},
      {"owner given",
       Change(User("alice"), With(DenyAll(), "/metadata/ownerReferences",
                                  Json::array({{{"kind", "ConfigMap"}, {"name", "gone"}}}))),
       {kChanged + "metadata.ownerReferences"}},
      {"annotation", Change(User("alice"), Annotated(DenyAll(), "note", "x"))},
      {"another label", Change(User("alice"), Labelled(DenyAll(), "team", "blue"))},
      {"user deletes the deny-all", deletion(User("alice")), {named}},
      {"administrator deletes the deny-all", deletion(Admin()), {named}},
      {"operator deletes the deny-all", deletion(Operator())},
      {"namespace controller deletes the deny-all", deletion(Controller("namespace-controller"))},
      {"namespace controller of another namespace",
       deletion(ServiceAccount("evil", "namespace-controller")),
       {named}},
  };
}

std::vector<GuardCase> OtherOwnedCases() {
  const Json claim = Owned("PersistentVolumeClaim",
                           {{"spec", {{"resources", {{"requests", {{"storage", "1Gi"}}}}}}}});
  const Json grown = With(claim, "/spec/resources/requests/storage", "2Gi");
  const Json bound = With(claim, "/spec/volumeName", "pv-1");
  const Json secret = Owned("Secret", {{"data", {{"token", "c2VjcmV0"}}}, {"type", "Opaque"}});
  const Json config = Owned("ConfigMap", {{"data", {{"a", "1"}}}});
  const Json adopted = [] {
    Json service = Strangers(OwnedService());
    service["metadata"]["ownerReferences"] = SandboxPod()["metadata"]["ownerReferences"];
    return service;
  }();
  Json dependent = adopted;
  dependent["metadata"]["ownerReferences"][0].erase("controller");
  const Json selector = With(OwnedService(), "/spec/selector", {{"app", "web"}});
  const std::string managed = kChanged + "metadata.labels[app.kubernetes.io/managed-by]";
  const std::string owners = kChanged + "metadata.ownerReferences";
  const auto create = [](const Json& user, const char* resource, const Json& object) {
    return Review({"CREATE", resource, std::string(object["kind"])}, user, object);
  };
  return {
      {"operator makes a Service", create(Operator(), "services", OwnedService())},
      {"user makes a Service as the operator would",
       create(User("alice"), "services", OwnedService()),
       {managed, owners}},
      {"user makes a Service with a sandbox as its controller",
       create(User("alice"), "services", adopted),
       {owners}},
      {"user makes a Service that goes with a sandbox",
       create(User("alice"), "services", dependent)},
      {"user makes a Secret as the operator would",
       create(User("alice"), "secrets", secret),
       {managed, owners}},
      {"user makes a Service", create(User("alice"), "services", Strangers(OwnedService()))},
      {"Service led elsewhere",
       Change(User("alice"), "services", selector, OwnedService()),
       {kChanged + "spec.selector"}},
      {"Service led elsewhere by the operator",
       Change(Operator(), "services", selector, OwnedService())},
      {"Service of somebody led elsewhere",
       Change(User("alice"), "services", Strangers(selector), Strangers(OwnedService()))},
      {"Service disowned",
       Change(User("alice"), "services", With(OwnedService(), "/metadata/ownerReferences", nullptr),
              OwnedService()),
       {owners}},
      {"Service disowned by the garbage collector",
       Change(Controller("generic-garbage-collector"), "services",
              With(OwnedService(), "/metadata/ownerReferences", nullptr), OwnedService())},
      {"Service given a sandbox as its controller",
       Change(User("alice"), "services", adopted, Strangers(OwnedService())),
       {owners}},
      {"sandbox label of a Service",
       Change(User("alice"), "services", Labelled(OwnedService(), "stockade.dev/sandbox", "x"),
              OwnedService()),
       {kChanged + "metadata.labels[stockade.dev/sandbox]"}},
      {"Service disowned through its status",
       Change(User("alice"), "services/status",
              With(OwnedService(), "/metadata/ownerReferences", nullptr), OwnedService()),
       {owners}},
      {"sandbox label of a claim through its status",
       Change(User("alice"), "persistentvolumeclaims/status",
              Labelled(claim, "stockade.dev/sandbox", "x"), claim),
       {kChanged + "metadata.labels[stockade.dev/sandbox]"}},
      {"status of a claim",
       Change(ServiceAccount("storage", "resizer"), "persistentvolumeclaims/status",
              With(claim, "/status", {{"phase", "Bound"}}), claim)},
      {"claim grown by a user",
       Change(User("alice"), "persistentvolumeclaims", grown, claim),
       {kChanged + "spec.resources"}},
      {"claim bound",
       Change(Controller("persistent-volume-binder"), "persistentvolumeclaims", bound, claim)},
      {"claim's finalizer",
       Change(Controller("pvc-protection-controller"), "persistentvolumeclaims",
              With(claim, "/metadata/finalizers", {"kubernetes.io/pvc-protection"}), claim)},
      {"annotation of a claim by a provisioner",
       Change(ServiceAccount("csi", "provisioner"), "persistentvolumeclaims",
              Annotated(claim, "volume.kubernetes.io/selected-node", "node-1"), claim)},
      {"Secret's contents",
       Change(User("alice"), "secrets", With(secret, "/data/token", "eA=="), secret),
       {kChanged + "data[token]"}},
      {"Secret's type",
       Change(User("alice"), "secrets", With(secret, "/type", "x"), secret),
       {kChanged + "type"}},
      {"ConfigMap made immutable",
       Change(User("alice"), "configmaps", With(config, "/immutable", true), config),
       {kChanged + "immutable"}},
      {"ConfigMap's contents by the control plane",
       Change(Controller("any"), "configmaps", With(config, "/data/b", "2"), config),
       {kChanged + "data[b]"}},
      {"Service deleted",
       Review({"DELETE", "services", "Service"}, User("alice"), nullptr, OwnedService())},
      {"claim deleted", Review({"DELETE", "persistentvolumeclaims", "PersistentVolumeClaim"},
                               User("alice"), nullptr, claim)},
  };
}

}  // namespace

std::vector<GuardCase> OwnedObjectCases() {
  std::vector<GuardCase> cases = DenyAllCases();
  for (GuardCase& test : OtherOwnedCases()) cases.push_back(std::move(test));
  return cases;
}

}  // namespace stockade::webhook
