#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "render/claims.h"
#include "render/fingerprint.h"
#include "render_testing.h"
#include "tests/unit/sanitizers.h"

// What the rules and the API server's schema refuse must not crash the operator either: rendering
// comes before the last judgement, and an object may have been stored by another version.
namespace stockade::render {
namespace {

using codec::Json;

// A sandbox with every field that rendering reads or completes.
constexpr const char* kSpec = R"(
podTemplate:
  metadata: {labels: {a: b}, annotations: {a: b}}
  spec:
    restartPolicy: Always
    terminationGracePeriodSeconds: 30
    schedulerName: default-scheduler
    hostNetwork: false
    automountServiceAccountToken: false
    dnsConfig: {nameservers: [127.0.0.1]}
    runtimeClassName: gvisor
    securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
    resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1}}
    tolerations: [{key: a, operator: Exists}]
    initContainers: [{name: prepare, image: "a:v1", restartPolicy: Always}]
    ephemeralContainers: [{name: debug, image: "a:v1"}]
    containers:
      - name: agent
        image: "registry.example.com/agent:v1"
        imagePullPolicy: Always
        terminationMessagePath: /dev/termination-log
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        ports: [{containerPort: 80, protocol: TCP}]
        env:
          - {name: HOME, value: /work}
          - {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
          - {name: B, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1}}}
          - {name: C, valueFrom: {fileKeyRef: {key: a, path: b, volumeName: c}}}
        volumeMounts: [{name: scratch, mountPath: /tmp}]
        resources: {requests: {cpu: 1}, limits: {cpu: 2}}
        livenessProbe: {httpGet: {port: 80}}
        readinessProbe: {grpc: {port: 80}}
        startupProbe: {exec: {command: [a]}}
        lifecycle: {postStart: {httpGet: {port: 80}}, preStop: {sleep: {seconds: 1}}}
    volumes:
      - {name: scratch, emptyDir: {sizeLimit: 1Gi}}
      - {name: files, configMap: {name: a, defaultMode: 420}}
      - {name: about, downwardAPI: {items: [{path: a, resourceFieldRef: {resource: limits.cpu}}]}}
      - name: both
        projected: {sources: [{downwardAPI: {items: [{path: a, fieldRef: {fieldPath: a}}]}}]}
      - {name: tools, image: {reference: "a:v1"}}
      - name: own
        ephemeral: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 1Gi}}}}}
volumeClaimTemplates:
  - metadata: {name: data, labels: {a: b}}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 1Gi}, limits: {storage: 2Gi}}
mounts:
  - {name: data, mountPath: /data, access: Persistent, volumeClaimTemplate: {name: data}}
  - {name: claim, mountPath: /claim, persistentVolumeClaim: {claimName: a}}
  - {name: files, mountPath: /files, configMap: {name: a, items: [{key: a, path: b}]}}
  - {name: image, mountPath: /image, image: {reference: "a:v1"}}
  - {name: empty, mountPath: /empty, access: Ephemeral, empty: {medium: Memory}, sizeLimit: 1Gi}
ingress:
  - from: [{podSelector: {matchLabels: {a: b}}}, {ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 80, endPort: 90, protocol: TCP}]
service: {ports: [{name: a, port: 80, targetPort: 80, protocol: TCP, appProtocol: http}]}
)";

const std::vector<std::string> kWrong = {
    "null",      "true",     "false",
    "0",         "-1",       "18446744073709551615",
    "1e300",     "0.1",      "''",
    "x",         "/",        "\"\\u0000\"",
    "[]",        "[null]",   "[[]]",
    "[{}]",      "[1, a]",   "{}",
    "{a: null}", "{'': {}}", "{a: [{b: 1}]}",
};

// A pointer to every value in `value`, itself left out.
void CollectPointers(const Json& value, const Json::json_pointer& at,
                     std::vector<Json::json_pointer>& pointers) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      pointers.push_back(at / key);
      CollectPointers(member, at / key, pointers);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      pointers.push_back(at / i);
      CollectPointers(value[i], at / i, pointers);
    }
  }
}

// Of a sample each place gets every fifth of the wrong values, its neighbours the others.
constexpr std::size_t kStride = kUnderSanitizer ? 5 : 1;

std::vector<std::pair<std::string, Json>> HostileSpecs() {
  std::vector<Json::json_pointer> pointers;
  const Json spec = FromYaml(kSpec);
  CollectPointers(spec, Json::json_pointer(), pointers);
  std::vector<Json> wrong;
  for (const std::string& yaml : kWrong) wrong.push_back(FromYaml(yaml));
  std::vector<std::pair<std::string, Json>> specs;
  for (std::size_t place = 0; place < pointers.size(); ++place) {
    const auto& pointer = pointers[place];
    for (std::size_t i = place % kStride; i < wrong.size(); i += kStride) {
      const Json& value = wrong[i];
      Json changed = spec;
      changed[pointer] = value;
      specs.emplace_back(pointer.to_string() + " = " + value.dump(), std::move(changed));
    }
  }
  return specs;
}

// What holds whatever a template says.
void ExpectOperatorsFields(const Json& pod) {
  const Json& spec = pod.at("spec");
  EXPECT_EQ(spec.at("automountServiceAccountToken"), false);
  EXPECT_EQ(spec.at("dnsPolicy"), "None");
  EXPECT_EQ(pod.at("metadata").at("labels").at("stockade.dev/sandbox"), "box");
  EXPECT_EQ(pod.at("metadata").at("name"), "asb-box");
}

const SandboxEgress kEgress = {.settings = {},
                               .gateway = "asg-box",
                               .address = "10.96.0.20",
                               .profile_hash = "a",
                               .identity_secret = "s"};

// With a gateway, the operator's containers stand before whatever the template has.
void ExpectProxyFirst(const api::AgentSandbox& sandbox) {
  const Json pod = Render(sandbox, {}, kEgress).pod;
  ExpectOperatorsFields(pod);
  EXPECT_EQ(pod.at("spec").at("initContainers").at(0).at("name"), "stockade-canary");
  EXPECT_EQ(pod.at("spec").at("initContainers").at(1).at("name"), "stockade-proxy");
}

TEST(RenderHostileTest, WrongTypesAnywhereDoNotCrash) {
  std::size_t rendered = 0;
  const Json metadata = {{"name", "box"}, {"namespace", "render"}, {"uid", "1"}};
  for (const auto& [what, spec] : HostileSpecs()) {
    SCOPED_TRACE(what);
    const Json object = {{"metadata", metadata}, {"spec", spec}};
    const auto sandbox = api::DecodeAgentSandbox(codec::ParseTrusted(object).root());
    if (!sandbox.ok()) continue;  // refused by name of the field
    ++rendered;
    const DesiredObjects desired = Render(*sandbox, {});
    ExpectOperatorsFields(desired.pod);
    ExpectProxyFirst(*sandbox);
    for (const Json& part : ObjectsOf(desired)) {
      const auto document = codec::ParseTrusted(part);
      EXPECT_EQ(document.root().ToJson(), part);
      EXPECT_EQ(PodFingerprint(document.root()).size(), 64U);
      EXPECT_EQ(ServiceFingerprint(document.root()).size(), 64U);
      EXPECT_EQ(NetworkPolicyFingerprint(document.root()).size(), 64U);
      EXPECT_TRUE(GrowthOf(document.root(), part).immutable_fields.empty());
    }
  }
  // Nearly everything lies in the pod template, which is not decoded.
  EXPECT_GT(rendered, 2'000U / kStride);
}

TEST(RenderHostileTest, PodSpecOfAnyKindRendersToAPod) {
  for (const std::string& yaml : kWrong) {
    SCOPED_TRACE(yaml);
    const codec::JsonDocument wrong = codec::ParseTrusted(FromYaml(yaml));
    api::AgentSandbox sandbox = SandboxWithSpec(kSpec);
    sandbox.spec.pod_template.spec = api::JsonText(wrong.root());
    sandbox.spec.volume_claim_templates[0].spec = api::JsonText(wrong.root());
    sandbox.spec.mounts[2].source_spec = api::JsonText(wrong.root());
    sandbox.spec.ingress[0].from = api::JsonText(wrong.root());
    sandbox.spec.ingress[0].ports = api::JsonText(wrong.root());
    ExpectOperatorsFields(Render(sandbox, {}).pod);
    ExpectProxyFirst(sandbox);
  }
}

TEST(RenderHostileTest, DeepTemplatesRender) {
  std::string value = "1";
  for (int i = 0; i < 50; ++i) value = "[{\"a\":" + value + "}]";
  api::AgentSandbox sandbox = SandboxWithPod("{containers: []}");
  const auto spec =
      codec::JsonDocument::Parse("{\"containers\":" + value + ",\"x\":" + value + "}");
  ASSERT_TRUE(spec.ok());
  sandbox.spec.pod_template.spec = api::JsonText(spec->root());
  ExpectOperatorsFields(Render(sandbox, {}).pod);
  ExpectProxyFirst(sandbox);
}

}  // namespace
}  // namespace stockade::render
