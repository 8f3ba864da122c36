#include "render/fingerprint.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;

std::string Pod(const Json& pod) { return PodFingerprint(codec::ParseTrusted(pod).root()); }
std::string Policy(const Json& policy) {
  return NetworkPolicyFingerprint(codec::ParseTrusted(policy).root());
}
std::string Service(const Json& service) {
  return ServiceFingerprint(codec::ParseTrusted(service).root());
}

// `object` after a JSON patch of one operation: "add /spec/x VALUE" or "remove /spec/x".
Json Patched(const Json& object, const std::string& change) {
  const std::size_t path = change.find(' ') + 1;
  const std::size_t value = change.find(' ', path);
  Json operation = {{"op", change.substr(0, path - 1)},
                    {"path", change.substr(path, value - path)}};
  if (value != std::string::npos) operation["value"] = FromYaml(change.substr(value + 1));
  return object.patch(Json::array({operation}));
}

DesiredObjects Desired() {
  return Render(SandboxWithSpec(R"(
podTemplate:
  spec:
    initContainers:
      - {name: prepare, image: "registry.example.com/prepare:v1"}
    containers:
      - {name: agent, image: "registry.example.com/agent:v1"}
    tolerations: [{key: agents, operator: Exists}]
ingress: [{from: [{podSelector: {matchLabels: {app: harness}}}], ports: [{port: 80}]}]
service: {ports: [{name: http, port: 80, targetPort: http, appProtocol: http}]}
)"),
                {});
}

const std::vector<std::string> kMetadataAdditions = {
    "add /metadata/uid 4f3c9d53-1d2a-4a54-9bb8-2f2a3b1c0f11",
    "add /metadata/resourceVersion '812'",
    "add /metadata/creationTimestamp '2025-01-01T00:00:00Z'",
    "add /metadata/generation 1",
    "add /metadata/managedFields [{manager: stockade, operation: Apply}]",
    "add /metadata/labels/added-by somebody",
    "add /status {}",
};

// Applies every change in turn and expects that none of them shows.
void ExpectUnseen(Json object, std::string (*fingerprint)(const Json&),
                  const std::vector<std::string>& changes) {
  const std::string expected = fingerprint(object);
  EXPECT_EQ(expected.size(), 64U);
  for (const auto& list : {kMetadataAdditions, changes}) {
    for (const std::string& change : list) {
      object = Patched(object, change);
      EXPECT_EQ(fingerprint(object), expected) << change;
    }
  }
}

// Applies every change by itself and expects that each shows, and differs from every other.
void ExpectSeen(const Json& object, std::string (*fingerprint)(const Json&),
                const std::vector<std::string>& changes) {
  std::vector<std::pair<std::string, std::string>> seen = {{fingerprint(object), "(no change)"}};
  for (const std::string& change : changes) {
    const std::string changed = fingerprint(Patched(object, change));
    for (const auto& [other, how] : seen) EXPECT_NE(changed, other) << change << " is as " << how;
    seen.emplace_back(changed, change);
  }
}

TEST(FingerprintTest, PodReadBackHasTheSame) {
  ExpectUnseen(Desired().pod, Pod,
               {
                   "add /spec/nodeName node-1",
                   "add /spec/serviceAccountName default",
                   "add /spec/serviceAccount default",
                   "add /spec/priority 0",
                   "add /spec/preemptionPolicy PreemptLowerPriority",
                   "add /spec/imagePullSecrets [{name: registry}]",
                   "add /spec/nodeSelector {runtime: gvisor}",
                   "add /spec/overhead {cpu: 250m, memory: 120Mi}",
                   "add /spec/tolerations/- {key: node.kubernetes.io/not-ready, operator: Exists, "
                   "effect: NoExecute, tolerationSeconds: 300}",
                   "add /spec/tolerations/- {key: runtime, operator: Equal, value: gvisor}",
                   "add /spec/containers/0/resources/limits/cpu 2000m",
                   "add /spec/containers/0/resources/limits/memory '2147483648'",
                   "add /spec/containers/0/resources/requests/memory 262144Ki",
                   "add /spec/containers/0/volumeMounts/0/recursiveReadOnly Disabled",
                   "add /spec/ephemeralContainers []",
                   "remove /spec/terminationGracePeriodSeconds",
               });
}

TEST(FingerprintTest, PodsGuardedFieldsShow) {
  ExpectSeen(
      Desired().pod, Pod,
      {
          "add /spec/containers/0/image registry.example.com/agent:v2",
          "add /spec/initContainers/0/image registry.example.com/prepare:v2",
          "add /spec/containers/0/name renamed",
          "add /spec/containers/0/resources/limits/cpu 3",
          "add /spec/containers/0/resources/limits/memory 3Gi",
          "add /spec/containers/0/resources/requests/cpu 1",
          "add /spec/containers/0/resources/requests/ephemeral-storage 1Gi",
          "remove /spec/containers/0/resources/limits/cpu",
          "remove /spec/containers/0/resources",
          "add /spec/initContainers/0/resources/limits/cpu 4",
          "add /spec/resources {limits: {cpu: 8}}",
          "add /spec/activeDeadlineSeconds 60",
          "add /spec/ephemeralContainers [{name: debug, image: 'registry.example.com/d:v1'}]",
          "add /spec/containers/- {name: injected, image: 'registry.example.com/i:v1'}",
          "add /spec/initContainers/0 {name: injected, image: 'registry.example.com/i:v1'}",
          "remove /spec/initContainers/0",
          "add /spec/tolerations/- {operator: Exists}",
          "add /spec/tolerations/- {key: '', operator: Exists, effect: NoExecute}",
          "add /spec/tolerations/- {key: node-role.kubernetes.io/control-plane}",
          "add /spec/tolerations/- {key: node-role.kubernetes.io/master}",
      });
}

TEST(FingerprintTest, WherePodBoundsItsContainersOnlyTheirStorageShows) {
  const Json pod = Render(SandboxWithPod(R"(
resources: {limits: {cpu: 4, memory: 8Gi}}
containers: [{name: agent, image: "registry.example.com/agent:v1"}]
)"),
                          {})
                       .pod;
  // The API server derives requests; a LimitRange fills in what a container leaves to the pod.
  ExpectUnseen(
      pod, Pod,
      {"add /spec/resources/requests {cpu: 4, memory: 8Gi}", "add /spec/resources/limits/cpu 4000m",
       "add /spec/containers/0/resources/limits/cpu 1",
       "add /spec/containers/0/resources/requests/memory 1Gi"});
  ExpectSeen(pod, Pod,
             {"add /spec/resources/limits/cpu 5", "remove /spec/resources/limits/memory",
              "add /spec/containers/0/resources/limits/ephemeral-storage 9Gi"});
}

TEST(FingerprintTest, NetworkPolicyReadBackHasTheSame) {
  ExpectUnseen(
      *Desired().ingress_policy, Policy,
      {"add /spec/egress []", "add /spec/egress null", "add /spec/podSelector/matchExpressions []",
       "add /spec/ingress/0/from/0/podSelector/matchExpressions null",
       "add /spec/ingress/0/from/0/ipBlock null"});
  Json deny_all = RenderDenyAllPolicy("render");
  ExpectUnseen(deny_all, Policy, {"add /spec/ingress []", "add /spec/podSelector/matchLabels {}"});
}

TEST(FingerprintTest, EveryFieldOfANetworkPolicyShows) {
  ExpectSeen(*Desired().ingress_policy, Policy,
             {
                 "add /spec/podSelector {}",
                 "add /spec/podSelector/matchLabels/more label",
                 "add /spec/policyTypes/- Egress",
                 "add /spec/egress [{}]",
                 "remove /spec/ingress",
                 "add /spec/ingress/- {}",
                 "add /spec/ingress/- {from: [{podSelector: {}}]}",
                 "remove /spec/ingress/0/from",
                 "add /spec/ingress/0/from/- {namespaceSelector: {}}",
                 "add /spec/ingress/0/from/0/namespaceSelector {}",
                 "add /spec/ingress/0/from/0/podSelector/matchLabels/app other",
                 "add /spec/ingress/0/ports/0/port 81",
                 "add /spec/ingress/0/ports/0/endPort 90",
                 "add /spec/ingress/0/ports/0/protocol UDP",
                 "remove /spec/ingress/0/ports",
             });
  ExpectSeen(RenderDenyAllPolicy("render"), Policy,
             {"add /spec/ingress [{}]", "add /spec/egress [{}]", "remove /spec/policyTypes/1",
              "add /spec/podSelector {}", "add /spec/podSelector/matchLabels {a: b}",
              "add /spec/podSelector/matchExpressions/0/operator DoesNotExist"});
}

TEST(FingerprintTest, ServiceReadBackHasTheSame) {
  ExpectUnseen(*Desired().service, Service,
               {"add /spec/clusterIPs [None]", "add /spec/ipFamilies [IPv4]",
                "add /spec/ipFamilyPolicy SingleStack", "add /spec/publishNotReadyAddresses false",
                "add /spec/externalIPs []", "add /spec/externalName ''",
                "add /spec/sessionAffinityConfig null"});
}

TEST(FingerprintTest, ServicesGuardedFieldsShow) {
  ExpectSeen(*Desired().service, Service,
             {
                 "add /spec/type NodePort",
                 "add /spec/type LoadBalancer",
                 "add /spec/clusterIP 10.0.0.1",
                 "add /spec/selector {app: other}",
                 "add /spec/selector/more label",
                 "remove /spec/selector",
                 "add /spec/externalName example.com",
                 "add /spec/externalIPs [192.0.2.1]",
                 "add /spec/publishNotReadyAddresses true",
                 "add /spec/sessionAffinity ClientIP",
                 "add /spec/sessionAffinityConfig {clientIP: {timeoutSeconds: 9}}",
                 "add /spec/internalTrafficPolicy Local",
                 "add /spec/loadBalancerIP 192.0.2.1",
                 "add /spec/loadBalancerSourceRanges [0.0.0.0/0]",
                 "add /spec/loadBalancerClass example.com/lb",
                 "add /spec/ports/0/name other",
                 "add /spec/ports/0/port 81",
                 "add /spec/ports/0/protocol UDP",
                 "add /spec/ports/0/targetPort 8080",
                 "add /spec/ports/0/appProtocol h2c",
                 "add /spec/ports/0/nodePort 30080",
                 "add /spec/ports/- {port: 22, targetPort: 22, protocol: TCP}",
                 "remove /spec/ports/0",
             });
}

TEST(FingerprintTest, ObjectsWithoutASpecHaveOneToo) {
  for (const char* object : {"{}", "[]", "1", "{spec: 1}", "{spec: []}", "{spec: null}"}) {
    EXPECT_EQ(Pod(FromYaml(object)).size(), 64U) << object;
    EXPECT_EQ(Policy(FromYaml(object)).size(), 64U) << object;
    EXPECT_EQ(Service(FromYaml(object)).size(), 64U) << object;
  }
}

}  // namespace
}  // namespace stockade::render
