#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr const char* kPodTemplate = "podTemplate: {spec: {containers: []}}\n";

DesiredObjects RenderWith(const std::string& spec_yaml) {
  return Render(SandboxWithSpec(kPodTemplate + spec_yaml), {});
}

TEST(RenderNetworkTest, IngressBecomesAPolicyForTheSandboxsPod) {
  const auto policy = RenderWith(R"(
ingress:
  - from: [{podSelector: {matchLabels: {app: harness}}}]
    ports: [{port: 8080}, {port: dns, protocol: UDP}, {port: 1, endPort: 9, protocol: null}]
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}, {namespaceSelector: {}, podSelector: null}]
    ports: []
)")
                          .ingress_policy;
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->at("apiVersion"), "networking.k8s.io/v1");
  EXPECT_EQ(policy->at("kind"), "NetworkPolicy");
  EXPECT_EQ(policy->at("metadata").at("name"), "asb-box-ingress");
  EXPECT_EQ(policy->at("spec"), FromYaml(R"(
podSelector: {matchLabels: {stockade.dev/sandbox: box}}
policyTypes: [Ingress]
ingress:
  - from: [{podSelector: {matchLabels: {app: harness}}}]
    ports:
      - {port: 8080, protocol: TCP}
      - {port: dns, protocol: UDP}
      - {port: 1, endPort: 9, protocol: TCP}
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}, {namespaceSelector: {}}]
)"));
}

// NetworkPolicy takes a rule without peers for everybody; here it is for nobody.
TEST(RenderNetworkTest, RuleWithoutPeersIsLeftOut) {
  for (const char* rule : {"{}", "{from: []}", "{from: null}", "{ports: [{port: 80}]}",
                           "{from: [], ports: [{port: 80}]}"}) {
    SCOPED_TRACE(rule);
    EXPECT_FALSE(RenderWith(std::string("ingress: [") + rule + "]").ingress_policy.has_value());
    const auto beside =
        RenderWith(std::string("ingress: [") + rule + ", {from: [{podSelector: {}}]}]");
    ASSERT_TRUE(beside.ingress_policy.has_value());
    EXPECT_EQ(beside.ingress_policy->at("spec").at("ingress"),
              FromYaml("[{from: [{podSelector: {}}]}]"));
  }
  EXPECT_FALSE(RenderWith("ingress: []").ingress_policy.has_value());
}

TEST(RenderNetworkTest, DenyAllPolicySelectsEverySandboxAndAllowsNothing) {
  EXPECT_EQ(RenderDenyAllPolicy("agents"), FromYaml(R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: stockade-deny-all
  namespace: agents
  labels: {app.kubernetes.io/managed-by: stockade}
  finalizers: [stockade.dev/pods-gone]
spec:
  podSelector:
    matchExpressions:
      - {key: stockade.dev/sandbox, operator: Exists}
  policyTypes: [Ingress, Egress]
)"));
}

TEST(RenderNetworkTest, DenyAllPolicySelectsTheRenderedPod) {
  const Json pod = RenderWith("").pod;
  const Json policy = RenderDenyAllPolicy("render");
  const std::string key =
      policy.at("spec").at("podSelector").at("matchExpressions").at(0).at("key");
  EXPECT_TRUE(pod.at("metadata").at("labels").contains(key));
  EXPECT_EQ(policy.at("metadata").at("namespace"), pod.at("metadata").at("namespace"));
}

TEST(RenderNetworkTest, ServiceIsHeadlessAndSelectsThePod) {
  const auto service = RenderWith("service: {ports: [{port: 80}]}").service;
  ASSERT_TRUE(service.has_value());
  EXPECT_EQ(service->at("apiVersion"), "v1");
  EXPECT_EQ(service->at("kind"), "Service");
  EXPECT_EQ(service->at("metadata").at("name"), "asb-box");
  EXPECT_EQ(service->at("spec"), FromYaml(R"(
type: ClusterIP
clusterIP: None
selector: {stockade.dev/sandbox: box}
ports: [{port: 80, protocol: TCP, targetPort: 80}]
sessionAffinity: None
internalTrafficPolicy: Cluster
)"));
}

TEST(RenderNetworkTest, ServicePorts) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{port: 80}", "{port: 80, protocol: TCP, targetPort: 80}"},
      {"{port: 80, targetPort: null, name: ''}", "{port: 80, protocol: TCP, targetPort: 80}"},
      {"{port: 80, targetPort: 0}", "{port: 80, protocol: TCP, targetPort: 80}"},
      {"{port: 80, targetPort: ''}", "{port: 80, protocol: TCP, targetPort: 80}"},
      {"{port: 80, targetPort: 8080}", "{port: 80, protocol: TCP, targetPort: 8080}"},
      {"{port: 80, targetPort: http}", "{port: 80, protocol: TCP, targetPort: http}"},
      {"{name: dns, port: 53, protocol: UDP}",
       "{name: dns, port: 53, protocol: UDP, targetPort: 53}"},
      {"{port: 80, appProtocol: http}",
       "{port: 80, protocol: TCP, targetPort: 80, appProtocol: http}"},
  };
  for (const auto& [given, expected] : cases) {
    const auto service = RenderWith(std::string("service: {ports: [") + given + "]}").service;
    ASSERT_TRUE(service.has_value()) << given;
    EXPECT_EQ(service->at("spec").at("ports").at(0), FromYaml(expected)) << given;
  }
}

TEST(RenderNetworkTest, ServiceWithoutPortsIsNone) {
  EXPECT_FALSE(RenderWith("service: {}").service.has_value());
  EXPECT_FALSE(RenderWith("service: {ports: []}").service.has_value());
}

}  // namespace
}  // namespace stockade::render
