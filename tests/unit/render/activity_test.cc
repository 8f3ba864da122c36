#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "render_testing.h"
#include "tests/unit/render/gateway_testing.h"

// The sidecar of a sandbox that must not be idle.
namespace stockade::render {
namespace {

using codec::Json;
using ::testing::ElementsAre;

constexpr const char* kSpec = R"(
lifecycle: {idle: {suspendAfterSeconds: 600}}
podTemplate:
  spec:
    initContainers: [{name: setup, image: 'example.com/a:v1'}]
    containers:
      - {name: agent, image: 'example.com/a:v1', securityContext: {runAsUser: 10002}})";

Profile ProfileWithImage() {
  Profile profile;
  profile.activity.image = "registry.example.com/stockade-canary:0.1.0";
  return profile;
}

Json Rendered(const std::string& spec, const Profile& profile = ProfileWithImage()) {
  return Render(SandboxWithSpec(spec), profile).pod;
}

TEST(ActivityTest, IsTheLastOfTheInitContainersAndHardened) {
  const Json pod = Rendered(kSpec);
  const Json& containers = pod.at("spec").at("initContainers");
  EXPECT_THAT(NamesIn(containers), ElementsAre("setup", "stockade-activity"));
  const Json& sidecar = containers.at(1);
  EXPECT_EQ(sidecar.at("restartPolicy"), "Always");
  EXPECT_EQ(sidecar.at("command"), FromYaml("[/usr/bin/stockade-canary]"));
  EXPECT_EQ(sidecar.at("args"), FromYaml("[idle, --after, '600']"));
  EXPECT_EQ(sidecar.at("securityContext"), FromYaml(R"(
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10003
runAsGroup: 10003
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault})"))
      << "no user of the agent's";
  EXPECT_TRUE(sidecar.at("volumeMounts").empty());
  EXPECT_FALSE(sidecar.contains("env"));
  const codec::JsonDocument document = codec::ParseTrusted(pod);
  EXPECT_FALSE(policy::HasErrors(
      policy::EvaluateRenderedPod(api::PodView(document.root(), ""), "gvisor", {})));
}

TEST(ActivityTest, WithAWayOutItWatchesTheProxy) {
  const Json spec = {{"podTemplate", FromYaml("{spec: {containers: [{name: a, image: 'e/a:1'}]}}")},
                     {"egress", FromYaml("{allow: [{host: a.example.com}]}")},
                     {"lifecycle", FromYaml("{idle: {deleteAfterSeconds: 1000}}")}};
  const api::AgentSandbox sandbox = SandboxWithSpec(spec.dump());
  const EgressCase made = RenderedWithEgress(sandbox);
  SandboxEgress egress;
  egress.settings = TestSettings();
  egress.gateway = "asg-box";
  egress.address = "10.96.0.7";
  egress.profile_hash = std::string(64, 'a');
  egress.identity_secret = "asg-box-1";
  const Json pod = Render(sandbox, ProfileWithImage(), egress).pod;
  const Json& containers = pod.at("spec").at("initContainers");
  EXPECT_THAT(NamesIn(containers),
              ElementsAre("stockade-canary", "stockade-proxy", "stockade-activity"));
  EXPECT_EQ(containers.at(2).at("args"), FromYaml("[idle, --after, '900', --proxy-port, '3128']"))
      << "what is deleted is suspended for the last tenth";
  EXPECT_EQ(containers.at(2).at("securityContext").at("runAsUser"),
            containers.at(1).at("securityContext").at("runAsUser"));
  EXPECT_EQ(NamesIn(made.pod.at("spec").at("initContainers")).size(), 2U) << "without an image";
}

TEST(ActivityTest, ComesToNothingWithoutAnImage) {
  EXPECT_THAT(NamesIn(Rendered(kSpec, Profile()).at("spec").at("initContainers")),
              ElementsAre("setup"));
}

TEST(ActivityTest, ItsTimeIsTheUsersPartOfThePodAndItsImageTheOperators) {
  const auto hashes = [](const char* lifecycle, const Profile& profile) {
    const api::AgentSandbox sandbox =
        SandboxWithSpec("{podTemplate: {spec: {}}, lifecycle: {" + std::string(lifecycle) + "}}");
    return std::pair(SpecHash(sandbox), ProfileHash(sandbox, profile));
  };
  Profile other = ProfileWithImage();
  other.activity.image += "-2";
  const auto none = hashes("", ProfileWithImage());
  EXPECT_EQ(none, hashes("", other)) << "no pod that does not use it is concerned";
  const auto some = hashes("idle: {suspendAfterSeconds: 600}", ProfileWithImage());
  EXPECT_NE(some.first, none.first);
  EXPECT_NE(some.first, hashes("idle: {suspendAfterSeconds: 601}", other).first);
  EXPECT_EQ(some,
            hashes("idle: {suspendAfterSeconds: 600, deleteAfterSeconds: 900}", ProfileWithImage()))
      << "when it is deleted is no matter of the pod";
  EXPECT_EQ(some.first, hashes("idle: {suspendAfterSeconds: 600}", other).first);
  EXPECT_NE(some.second, hashes("idle: {suspendAfterSeconds: 600}", other).second);
}

}  // namespace
}  // namespace stockade::render
