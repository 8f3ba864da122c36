#include "render/docker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "render/render.h"
#include "render_testing.h"

namespace stockade::render {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

DockerScript Export(const api::AgentSandbox& sandbox,
                    const std::map<std::string, std::string>& directories = {}) {
  return RenderDocker(sandbox, Render(sandbox, Profile{}).pod, directories, {"envoy:1"});
}

std::vector<std::string> Fields(const DockerScript& exported) {
  std::vector<std::string> fields;
  for (const Unexpressed& each : exported.unexpressed) fields.push_back(each.field);
  return fields;
}

constexpr const char* kAgent = "podTemplate: {spec: {containers: [{name: a, image: 'agent:1'}]}}";

TEST(DockerTest, WithoutEgressThereIsNoNetworkAndNoProxy) {
  const auto exported = Export(SandboxWithSpec(std::string("{") + kAgent + "}"));
  EXPECT_THAT(exported.script, HasSubstr("agent+=(--network none)\n"));
  EXPECT_THAT(exported.script, Not(HasSubstr("envoy")));
  EXPECT_THAT(exported.script,
              HasSubstr("agent+=(--read-only --cap-drop ALL --security-opt no-new-privileges)\n"));
  EXPECT_THAT(exported.script, HasSubstr("runtime=\"${CONTAINER_RUNTIME:-runsc}\"\n"));
}

TEST(DockerTest, WordsOfTheTemplateAreDataToTheShell) {
  const auto exported = Export(SandboxWithSpec(R"(
podTemplate:
  spec:
    containers:
      - name: a
        image: "agent:1"
        command: ["sh", "-c"]
        args: ["echo '$(rm -rf /)' \"$HOME\""]
        env: [{name: WORDS, value: "it's `id`"}]
)"));
  EXPECT_THAT(exported.script, HasSubstr("entrypoint=(--entrypoint 'sh')\n"));
  EXPECT_THAT(exported.script, HasSubstr("command+=('-c')\n"));
  EXPECT_THAT(exported.script, HasSubstr("command+=('echo '\\''$(rm -rf /)'\\'' \"$HOME\"')\n"));
  EXPECT_THAT(exported.script, HasSubstr("agent+=(--env 'WORDS=it'\\''s `id`')\n"));
}

TEST(DockerTest, LimitsAndDirectoriesAreTheSandboxs) {
  const auto exported = Export(SandboxWithSpec(R"(
podTemplate:
  spec:
    containers:
      - name: a
        image: "agent:1"
        resources: {limits: {cpu: 1500m, memory: 512Mi}}
mounts:
  - {name: work, mountPath: /work, access: Persistent, persistentVolumeClaim: {claimName: w}}
  - {name: books, mountPath: /books, persistentVolumeClaim: {claimName: b}}
)"),
                               {{"work", "/home/me"}});
  EXPECT_THAT(exported.script,
              HasSubstr("--cpus 1.500 --memory 536870912 --memory-swap 536870912)\n"));
  EXPECT_THAT(exported.script, HasSubstr("agent+=(--volume '/home/me:/work:rw')\n"));
  EXPECT_THAT(exported.script, HasSubstr("agent+=(--tmpfs '/books:rw,nosuid,nodev,exec"));
  EXPECT_THAT(Fields(exported),
              ElementsAre("spec.podTemplate.spec.containers[0].resources.limits.ephemeral-storage",
                          "spec.mounts[1]"));
}

TEST(DockerTest, TheWayOutIsASocketAndWhatItCannotDoIsNamed) {
  const auto exported = Export(SandboxWithSpec(R"(
podTemplate: {spec: {containers: [{name: a, image: "agent:1"}, {name: b, image: "other:1"}]}}
credentials: [{name: token, header: {name: x, secretKeyRef: {name: s, key: k}}}]
egress:
  allow: [{host: api.example.com, methods: [GET], credential: token}]
)"));
  EXPECT_THAT(exported.script, HasSubstr("\"domains\": [\n"));
  EXPECT_THAT(exported.script, HasSubstr("\"api.example.com:443\""));
  EXPECT_THAT(exported.script, HasSubstr("\"path\": \"/run/stockade/gateway\""));
  EXPECT_THAT(exported.script, Not(HasSubstr("transport_sockets.tls.v3.DownstreamTlsContext")));
  EXPECT_THAT(exported.script, HasSubstr("--network container:"));
  EXPECT_THAT(
      Fields(exported),
      ElementsAre("spec.podTemplate.spec.containers[1]", "spec.egress.allow[0].methods",
                  "spec.egress.allow[0].credential",
                  "spec.podTemplate.spec.containers[0].resources.limits.ephemeral-storage"));
}

}  // namespace
}  // namespace stockade::render
