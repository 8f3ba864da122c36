#include "guard_case.h"

#include "tests/unit/policy/objects.h"

namespace stockade::webhook {

using codec::Json;

std::ostream& operator<<(std::ostream& out, const GuardCase& test) { return out << test.name; }

std::vector<GuardCase> AllGuardCases() {
  std::vector<GuardCase> all;
  for (auto* const cases : {PodCases, PodUpdateCases, ConnectCases, OwnedObjectCases, GatewayCases,
                            NetworkPolicyCases, RuntimeClassCases}) {
    for (GuardCase& test : cases()) all.push_back(std::move(test));
  }
  return all;
}

Json User(const std::string& name, std::vector<std::string> groups) {
  groups.emplace_back("system:authenticated");
  return {{"username", name}, {"groups", groups}};
}

Json ServiceAccount(const std::string& namespace_name, const std::string& name) {
  return User("system:serviceaccount:" + namespace_name + ":" + name,
              {"system:serviceaccounts", "system:serviceaccounts:" + namespace_name});
}

Json Operator() { return ServiceAccount("stockade-system", "stockade-operator"); }
Json Admin() { return User("kubernetes-admin", {"system:masters"}); }
Json Node(const std::string& name) { return User("system:node:" + name, {"system:nodes"}); }
Json Controller(const std::string& name) { return ServiceAccount("kube-system", name); }

Json Review(const Target& target, const Json& user, const Json& object, const Json& old_object) {
  const std::size_t subresource = target.resource.rfind('/');
  const std::size_t dot = target.resource.find('.');
  std::string group;
  std::string resource = target.resource;
  std::string part;
  if (dot != std::string::npos) {
    group = resource.substr(0, resource.find('/'));
    resource = resource.substr(group.size() + 1);
  } else if (subresource != std::string::npos) {
    part = resource.substr(subresource + 1);
    resource = resource.substr(0, subresource);
  }
  const Json& named = object.is_object() ? object : old_object;
  Json request = {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
                  {"kind", {{"group", group}, {"version", "v1"}, {"kind", target.kind}}},
                  {"resource", {{"group", group}, {"version", "v1"}, {"resource", resource}}},
                  {"namespace", "team"},
                  {"operation", target.operation},
                  {"userInfo", user},
                  {"object", object},
                  {"oldObject", old_object},
                  {"dryRun", false},
                  {"options", nullptr}};
  if (!part.empty()) request["subResource"] = part;
  if (named.is_object() && named.contains("metadata")) {
    request["name"] = named["metadata"].value("name", "");
  }
  return {{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}};
}

Json SandboxPod() {
  Json pod = policy::HardenedPod();
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"] = Json::parse(R"({
    "name": "asb-agent", "namespace": "team",
    "labels": {"app": "agent", "app.kubernetes.io/managed-by": "stockade",
               "stockade.dev/sandbox": "agent"},
    "annotations": {"stockade.dev/spec-hash": "abc", "team": "blue"},
    "ownerReferences": [{"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox",
                         "name": "agent", "uid": "1", "controller": true,
                         "blockOwnerDeletion": true}]})");
  pod["spec"]["nodeName"] = "node-1";
  pod["status"] = {{"phase", "Running"}};
  return pod;
}

Json OtherPod() {
  return Json::parse(R"({
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"nodeName": "node-1", "hostNetwork": true,
             "containers": [{"name": "web", "image": "registry.example/web:1"}]},
    "status": {"phase": "Running"}})");
}

Json With(Json object, const std::string& pointer, Json value) {
  object[Json::json_pointer(pointer)] = std::move(value);
  return object;
}

namespace {

Json WithKey(Json object, const char* map, const std::string& key, Json value) {
  Json& keys = object["metadata"][map];
  if (value.is_null()) {
    keys.erase(key);
  } else {
    keys[key] = std::move(value);
  }
  return object;
}

}  // namespace

Json Labelled(Json object, const std::string& key, Json value) {
  return WithKey(std::move(object), "labels", key, std::move(value));
}

Json Annotated(Json object, const std::string& key, Json value) {
  return WithKey(std::move(object), "annotations", key, std::move(value));
}

}  // namespace stockade::webhook
