#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "render/containers.h"
#include "render/defaults.h"
#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::ElementsAre;

// Every container of a rendered pod spec, whatever its position.
std::vector<Json> ContainersIn(const Json& spec) {
  std::vector<Json> containers;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : spec.at(list)) containers.push_back(container);
  }
  return containers;
}

constexpr const char* kEveryPosition = R"(
initContainers:
  - {name: init, image: registry.example.com/a:v1}
  - {name: sidecar, image: registry.example.com/b:v1, restartPolicy: Always}
containers:
  - {name: first, image: registry.example.com/c:v1}
  - {name: second, image: registry.example.com/d:v1}
)";

TEST(RenderPodTest, HardensContainersInEveryPosition) {
  const Json spec = PodSpecOf(SandboxWithPod(kEveryPosition));
  const auto containers = ContainersIn(spec);
  ASSERT_EQ(containers.size(), 4U);
  for (const Json& container : containers) {
    SCOPED_TRACE(container.at("name"));
    EXPECT_EQ(container.at("securityContext"),
              FromYaml("{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, "
                       "capabilities: {drop: [ALL]}}"));
    EXPECT_EQ(container.at("env"), FromYaml("[{name: HOME, value: /home/agent}]"));
    EXPECT_EQ(container.at("volumeMounts"),
              FromYaml("[{name: stockade-home, mountPath: /home/agent}, "
                       "{name: stockade-tmp, mountPath: /tmp}]"));
    for (const char* list : {"requests", "limits"}) {
      for (const char* resource : {"cpu", "memory", "ephemeral-storage"}) {
        EXPECT_TRUE(container.at("resources").at(list).contains(resource)) << list << resource;
      }
    }
    EXPECT_EQ(container.at("terminationMessagePath"), "/dev/termination-log");
  }
  EXPECT_EQ(Named(spec.at("initContainers"), "sidecar").at("restartPolicy"), "Always");
}

TEST(RenderPodTest, HardensThePod) {
  const Json spec = PodSpecOf(SandboxWithPod(kEveryPosition));
  EXPECT_EQ(
      spec.at("securityContext"),
      FromYaml("{runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, "
               "fsGroupChangePolicy: OnRootMismatch, seccompProfile: {type: RuntimeDefault}}"));
  EXPECT_EQ(spec.at("runtimeClassName"), "gvisor");
  EXPECT_EQ(spec.at("automountServiceAccountToken"), false);
  EXPECT_EQ(spec.at("enableServiceLinks"), false);
  EXPECT_EQ(spec.at("dnsPolicy"), "None");
  EXPECT_EQ(spec.at("dnsConfig"), FromYaml("{nameservers: [127.0.0.1]}"));
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}) {
    EXPECT_FALSE(spec.contains(field)) << field;
  }
}

// The rules refuse these; rendering does not rely on them.
TEST(RenderPodTest, OperatorsFieldsReplaceThoseOfTheTemplate) {
  const Json spec = PodSpecOf(SandboxWithPod(R"(
containers: []
automountServiceAccountToken: true
enableServiceLinks: true
dnsPolicy: ClusterFirst
dnsConfig: {nameservers: [10.0.0.10], searches: [example.com]}
runtimeClassName: runc
)"));
  EXPECT_EQ(spec.at("automountServiceAccountToken"), false);
  EXPECT_EQ(spec.at("enableServiceLinks"), false);
  EXPECT_EQ(spec.at("dnsPolicy"), "None");
  EXPECT_EQ(spec.at("dnsConfig"), FromYaml("{nameservers: [127.0.0.1]}"));
  EXPECT_EQ(spec.at("runtimeClassName"), "gvisor");
}

TEST(RenderPodTest, RuntimeClassFollowsTheTier) {
  Profile profile;
  profile.runtime_classes = {"", "sandboxed", "machines"};
  api::AgentSandbox sandbox = SandboxWithPod("{containers: [], runtimeClassName: runc}");
  sandbox.spec.isolation = api::Isolation::kGVisor;
  EXPECT_EQ(Render(sandbox, profile).pod.at("spec").at("runtimeClassName"), "sandboxed");
  sandbox.spec.isolation = api::Isolation::kMicroVM;
  EXPECT_EQ(Render(sandbox, profile).pod.at("spec").at("runtimeClassName"), "machines");
  sandbox.spec.isolation = api::Isolation::kContainer;
  EXPECT_FALSE(Render(sandbox, profile).pod.at("spec").contains("runtimeClassName"));
}

TEST(RenderPodTest, StricterValuesOfTheUserStay) {
  const Json spec = PodSpecOf(SandboxWithPod(R"(
securityContext:
  runAsUser: 20000
  runAsGroup: 20001
  fsGroup: 20002
  fsGroupChangePolicy: Always
  supplementalGroups: [20003]
  seccompProfile: {type: Localhost, localhostProfile: strict.json}
terminationGracePeriodSeconds: 0
restartPolicy: Never
containers:
  - name: agent
    image: registry.example.com/agent:v1
    imagePullPolicy: Never
    securityContext:
      runAsUser: 30000
      seccompProfile: {type: RuntimeDefault}
)"));
  EXPECT_EQ(spec.at("securityContext"),
            FromYaml("{runAsNonRoot: true, runAsUser: 20000, runAsGroup: 20001, fsGroup: 20002, "
                     "fsGroupChangePolicy: Always, supplementalGroups: [20003], "
                     "seccompProfile: {type: Localhost, localhostProfile: strict.json}}"));
  EXPECT_EQ(spec.at("terminationGracePeriodSeconds"), 0);
  EXPECT_EQ(spec.at("restartPolicy"), "Never");
  const Json& container = spec.at("containers").at(0);
  EXPECT_EQ(container.at("imagePullPolicy"), "Never");
  EXPECT_EQ(container.at("securityContext").at("runAsUser"), 30000);
  EXPECT_EQ(container.at("securityContext").at("seccompProfile"),
            FromYaml("{type: RuntimeDefault}"));
}

TEST(RenderPodTest, DroppedCapabilitiesHaveAll) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{}", "[ALL]"},
      {"{securityContext: null}", "[ALL]"},
      {"{securityContext: {capabilities: {}}}", "[ALL]"},
      {"{securityContext: {capabilities: {drop: []}}}", "[ALL]"},
      {"{securityContext: {capabilities: {drop: [NET_RAW]}}}", "[ALL]"},
      {"{securityContext: {capabilities: {drop: [all]}}}", "[ALL]"},
      {"{securityContext: {capabilities: {drop: [ALL]}}}", "[ALL]"},
      {"{securityContext: {capabilities: {drop: [NET_RAW, ALL]}}}", "[NET_RAW, ALL]"},
  };
  for (const auto& [container, drop] : cases) {
    EXPECT_EQ(ContainerOf(SandboxWithContainer(container))
                  .at("securityContext")
                  .at("capabilities")
                  .at("drop"),
              FromYaml(drop))
        << container;
  }
}

TEST(RenderPodTest, HomeIsTheFirstVariableUnlessTheUserSetsIt) {
  EXPECT_EQ(
      ContainerOf(SandboxWithContainer("{env: [{name: WORK, value: $(HOME)/work}]}")).at("env"),
      FromYaml("[{name: HOME, value: /home/agent}, {name: WORK, value: $(HOME)/work}]"));
  EXPECT_EQ(
      ContainerOf(SandboxWithContainer("{env: [{name: A, value: a}, {name: HOME, value: /w}]}"))
          .at("env"),
      FromYaml("[{name: A, value: a}, {name: HOME, value: /w}]"));
}

TEST(RenderPodTest, FieldsThatAreUnsetToKubernetesAreFilledIn) {
  const Json spec = PodSpecOf(SandboxWithPod(R"(
securityContext: null
restartPolicy: ""
schedulerName: ""
hostNetwork: false
hostPID: false
hostIPC: false
volumes: null
nodeSelector: null
containers:
  - name: agent
    image: registry.example.com/agent:v1
    args: null
    env: null
    imagePullPolicy: ""
    terminationMessagePath: ""
    terminationMessagePolicy: ""
    resources: null
    securityContext: {privileged: null, allowPrivilegeEscalation: null}
)"));
  EXPECT_EQ(spec.at("restartPolicy"), "Always");
  EXPECT_EQ(spec.at("schedulerName"), "default-scheduler");
  EXPECT_EQ(spec.at("terminationGracePeriodSeconds"), 30);
  EXPECT_EQ(spec.at("securityContext").at("runAsUser"), 10001);
  const Json& container = spec.at("containers").at(0);
  EXPECT_EQ(container.at("imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(container.at("terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(container.at("terminationMessagePolicy"), "File");
  EXPECT_EQ(container.at("securityContext").at("allowPrivilegeEscalation"), false);
  EXPECT_FALSE(container.at("securityContext").contains("privileged"));
  EXPECT_FALSE(container.contains("args"));
  EXPECT_FALSE(spec.contains("nodeSelector"));
}

TEST(RenderPodTest, DefaultsOfProbesAndHandlers) {
  const Json container = ContainerOf(SandboxWithContainer(R"(
livenessProbe: {httpGet: {port: 80}, timeoutSeconds: 0}
readinessProbe: {grpc: {port: 81}, periodSeconds: 3}
startupProbe: {exec: {command: ["true"]}, failureThreshold: 30, successThreshold: 1}
lifecycle:
  postStart: {httpGet: {port: 80, path: /up, scheme: HTTPS}}
  preStop: {httpGet: {port: 80}}
)"));
  EXPECT_EQ(container.at("livenessProbe"),
            FromYaml("{httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, "
                     "periodSeconds: 10, successThreshold: 1, failureThreshold: 3}"));
  EXPECT_EQ(container.at("readinessProbe"),
            FromYaml("{grpc: {port: 81, service: ''}, timeoutSeconds: 1, "
                     "periodSeconds: 3, successThreshold: 1, failureThreshold: 3}"));
  EXPECT_EQ(container.at("startupProbe"),
            FromYaml("{exec: {command: ['true']}, timeoutSeconds: 1, "
                     "periodSeconds: 10, successThreshold: 1, failureThreshold: 30}"));
  EXPECT_EQ(container.at("lifecycle"),
            FromYaml("{postStart: {httpGet: {port: 80, path: /up, scheme: HTTPS}}, "
                     "preStop: {httpGet: {port: 80, path: /, scheme: HTTP}}}"));
}

TEST(RenderPodTest, PullPolicyFollowsTheTag) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"python", "Always"},
      {"python:latest", "Always"},
      {"python:3.13", "IfNotPresent"},
      {"registry.example.com:5000/python", "Always"},
      {"registry.example.com:5000/python:3.13", "IfNotPresent"},
      {"registry.example.com/python@sha256:abc", "IfNotPresent"},
      {"registry.example.com/python:latest@sha256:abc", "Always"},
      {"registry.example.com/python:3.13@sha256:abc", "IfNotPresent"},
      {"", "Always"},
  };
  for (const auto& [image, policy] : cases) EXPECT_EQ(DefaultPullPolicy(image), policy) << image;
}

TEST(RenderPodTest, MetadataIsTheTemplatesWithTheOperatorsOwn) {
  api::AgentSandbox sandbox = SandboxWithPod("{containers: []}");
  sandbox.spec.pod_template.labels = {{"team", "research"},
                                      {"app.kubernetes.io/managed-by", "Helm"},
                                      {"stockade.dev/sandbox", "another"}};
  sandbox.spec.pod_template.annotations = {{"note", "kept"}, {"stockade.dev/spec-hash", "forged"}};
  const Json pod = Render(sandbox, {}).pod;
  EXPECT_EQ(pod.at("apiVersion"), "v1");
  EXPECT_EQ(pod.at("kind"), "Pod");
  const Json& metadata = pod.at("metadata");
  EXPECT_EQ(metadata.at("name"), "asb-box");
  EXPECT_EQ(metadata.at("namespace"), "render");
  EXPECT_EQ(metadata.at("labels"),
            FromYaml("{team: research, app.kubernetes.io/managed-by: stockade, "
                     "stockade.dev/sandbox: box}"));
  EXPECT_EQ(metadata.at("annotations").at("note"), "kept");
  EXPECT_EQ(metadata.at("annotations").at("stockade.dev/spec-hash"), SpecHash(sandbox));
  EXPECT_EQ(metadata.at("annotations").at("stockade.dev/profile-hash"), ProfileHash(sandbox, {}));
}

TEST(RenderPodTest, EveryObjectBelongsToTheSandbox) {
  const auto objects = ObjectsOf(Render(SandboxWithSpec(R"(
podTemplate: {spec: {containers: []}}
volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}]
ingress: [{from: [{podSelector: {}}]}]
service: {ports: [{port: 80}]}
)"),
                                        {}));
  std::vector<std::string> kinds;
  for (const Json& object : objects) {
    kinds.push_back(object.at("kind"));
    EXPECT_EQ(object.at("metadata").at("namespace"), "render");
    EXPECT_EQ(object.at("metadata").at("labels").at("stockade.dev/sandbox"), "box");
    EXPECT_EQ(object.at("metadata").at("labels").at("app.kubernetes.io/managed-by"), "stockade");
    EXPECT_EQ(object.at("metadata").at("ownerReferences"), FromYaml(R"(
- apiVersion: stockade.dev/v1alpha1
  kind: AgentSandbox
  name: box
  uid: 0b7c8a52-6a5e-4a3f-9a55-0000000000ff
  controller: true
  blockOwnerDeletion: true
)"));
  }
  EXPECT_THAT(kinds, ElementsAre("Pod", "PersistentVolumeClaim", "Service", "NetworkPolicy"));
}

TEST(RenderPodTest, WhatIsNotAskedForIsNotRendered) {
  const DesiredObjects desired = Render(SandboxWithPod("{containers: []}"), {});
  EXPECT_TRUE(desired.claims.empty());
  EXPECT_FALSE(desired.service.has_value());
  EXPECT_FALSE(desired.ingress_policy.has_value());
}

TEST(RenderPodTest, PathsAreTheSameButForSlashes) {
  EXPECT_TRUE(SamePath("/tmp", "/tmp/"));
  EXPECT_TRUE(SamePath("//home//agent/", "/home/agent"));
  EXPECT_TRUE(SamePath("/", "//"));
  EXPECT_FALSE(SamePath("/tmp", "/tmp2"));
  EXPECT_FALSE(SamePath("/tmp", "/tmp/x"));
  EXPECT_FALSE(SamePath("", "/"));
}

}  // namespace
}  // namespace stockade::render
