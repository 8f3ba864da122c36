#include "tests/unit/policy/objects.h"

#include <gtest/gtest.h>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"

namespace stockade::policy {

using codec::Json;

Json PlainContainer(std::string_view name) {
  return {{"name", name}, {"image", "docker.io/library/python:3.13-slim"}};
}

Json HardenedContainer(std::string_view name) {
  Json container = PlainContainer(name);
  container["resources"] = Json::parse(R"({
    "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "256Mi"},
    "limits": {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "4Gi"}})");
  container["securityContext"] = Json::parse(R"({
    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
    "capabilities": {"drop": ["ALL"]}})");
  return container;
}

Json PlainSandbox() {
  Json sandbox = Json::parse(R"({
    "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox",
    "metadata": {"name": "case", "namespace": "cases"},
    "spec": {"podTemplate": {"metadata": {}, "spec": {"containers": []}}}})");
  sandbox["spec"]["podTemplate"]["spec"]["containers"].push_back(PlainContainer("agent"));
  return sandbox;
}

Json HardenedPod() {
  static const Json kPod = Json::parse(R"({
    "metadata": {"name": "asb-case", "labels": {"stockade.dev/sandbox": "case"}},
    "spec": {
      "automountServiceAccountToken": false, "enableServiceLinks": false,
      "dnsPolicy": "None", "dnsConfig": {"nameservers": ["127.0.0.1"]},
      "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000,
                          "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
      "containers": []}})");
  Json pod = kPod;
  pod["spec"]["runtimeClassName"] = kRuntimeClass;
  pod["spec"]["containers"].push_back(HardenedContainer("agent"));
  return pod;
}

std::vector<Finding> JudgeSandbox(const Json& sandbox, const Facts& facts) {
  const codec::JsonDocument document = codec::ParseTrusted(sandbox);
  const auto decoded = api::DecodeAgentSandbox(document.root());
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  if (!decoded.ok()) return {};
  const codec::JsonView pod_template = document.root()["spec"]["podTemplate"];
  return EvaluateSandbox(*decoded, api::PodView(pod_template, "spec.podTemplate"), facts);
}

std::vector<Finding> JudgePod(const Json& pod, const Facts& facts) {
  const codec::JsonDocument document = codec::ParseTrusted(pod);
  return EvaluateRenderedPod(api::PodView(document.root(), ""), kRuntimeClass, facts);
}

std::string Describe(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += std::string(finding.code) + " " + finding.field + ": " + finding.message + "\n";
  }
  return text;
}

std::vector<std::string> ErrorsOf(const std::vector<Finding>& findings) {
  std::vector<std::string> errors;
  for (const Finding& finding : findings) {
    if (finding.severity != Severity::kError) continue;
    errors.push_back(std::string(finding.code) + " " + finding.field);
  }
  return errors;
}

}  // namespace stockade::policy
