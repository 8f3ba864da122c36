#include "reviews.h"

namespace stockade::webhook {

using codec::Json;

Json GoodSandbox() {
  return Json::parse(R"({
    "apiVersion": "stockade.dev/v1alpha1",
    "kind": "AgentSandbox",
    "metadata": {"name": "agent", "namespace": "team"},
    "spec": {"podTemplate": {"spec": {"containers": [
      {"name": "agent", "image": "registry.example/agent:1"}
    ]}}}
  })");
}

Json ReviewOf(const std::string& operation, const Json& object, const Json& old_object) {
  Json review = Json::parse(R"({
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
      "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
      "kind": {"group": "stockade.dev", "version": "v1alpha1", "kind": "AgentSandbox"},
      "resource": {"group": "stockade.dev", "version": "v1alpha1", "resource": "agentsandboxes"},
      "requestKind": {"group": "stockade.dev", "version": "v1alpha1", "kind": "AgentSandbox"},
      "requestResource":
          {"group": "stockade.dev", "version": "v1alpha1", "resource": "agentsandboxes"},
      "name": "agent",
      "namespace": "team",
      "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
      "dryRun": false,
      "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"}
    }
  })");
  review["request"]["operation"] = operation;
  review["request"]["object"] = object;
  review["request"]["oldObject"] = old_object;
  return review;
}

}  // namespace stockade::webhook
