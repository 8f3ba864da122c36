#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "render_testing.h"
#include "tests/source_dir.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr const char* kSpec = R"(
isolation: GVisor
podTemplate:
  metadata: {labels: {team: a}, annotations: {note: a}}
  spec:
    containers: [{name: agent, image: "registry.example.com/agent:v1"}]
volumeClaimTemplates:
  - {metadata: {name: data}, spec: {resources: {requests: {storage: 1Gi}}}}
mounts:
  - {name: m, mountPath: /m, access: Ephemeral, empty: {}}
  - {name: settings, mountPath: /settings, configMap: {name: settings}}
)";

std::string HashAfter(const std::string& merge_patch_yaml) {
  Json spec = FromYaml(kSpec);
  spec.merge_patch(FromYaml(merge_patch_yaml));
  return SpecHash(SandboxWithSpec(spec.dump()));
}

// A pod is created anew when its hash changes. Were these to change with a version of Stockade,
// every sandbox would restart at the upgrade.
TEST(RenderHashesTest, HashesOfTheMinimalExampleStay) {
  const auto sandboxes = SandboxesIn(ReadFile(STOCKADE_SOURCE_DIR "/examples/minimal.yaml"));
  ASSERT_EQ(sandboxes.size(), 1U);
  EXPECT_EQ(SpecHash(sandboxes[0]),
            "9d807cd4293bb0debfe1945508320f378265e9e0db91d6577b37af14d29590d6");
  EXPECT_EQ(ProfileHash(sandboxes[0], {}),
            "63a5e85bb8e6aa4796212dbc70276e7f3fc411832a72eb4f00eab29ecb42fdc1");
}

TEST(RenderHashesTest, SpecHashCoversTheUsersPartOfThePod) {
  const std::vector<std::string> changes = {
      "{isolation: MicroVM}",
      "{podTemplate: {spec: {containers: [{name: agent, image: "
      "'registry.example.com/agent:v2'}]}}}",
      "{podTemplate: {spec: {hostUsers: true}}}",
      "{podTemplate: {spec: {nodeSelector: {disk: fast}}}}",
      "{mounts: null}",
      "{mounts: [{name: m, mountPath: /n, access: Ephemeral, empty: {}}]}",
      "{mounts: [{name: m, mountPath: /m, access: ReadOnly, empty: {}}]}",
      "{mounts: [{name: other, mountPath: /m, access: Ephemeral, empty: {}}]}",
      "{mounts: [{name: m, mountPath: /m, access: Ephemeral, empty: {medium: Memory}}]}",
      "{mounts: [{name: m, mountPath: /m, access: Ephemeral, empty: {}, sizeLimit: 2Gi}]}",
      "{mounts: [{name: m, mountPath: /m, persistentVolumeClaim: {claimName: a}}]}",
      "{mounts: [{name: m, mountPath: /m, persistentVolumeClaim: {claimName: b}}]}",
      "{mounts: [{name: m, mountPath: /m, volumeClaimTemplate: {name: a}}]}",
      "{mounts: [{name: m, mountPath: /m, configMap: {name: a}}]}",
      "{mounts: [{name: m, mountPath: /m, configMap: {name: b}}]}",
      "{mounts: [{name: m, mountPath: /m, image: {reference: 'a:v1'}}]}",
      "{agentSettings: {}}",
      "{agentSettings: {permissions: {deny: [Bash]}}}",
      "{agentSettings: {permissions: {ask: [Bash]}}}",
      "{agentSettings: {permissions: {defaultMode: plan}}}",
      "{agentSettings: {permissions: {disableBypass: false}}}",
      "{agentSettings: {permissions: {managedOnly: false}}}",
      "{agentSettings: {sandbox: {enabled: false}}}",
      "{agentSettings: {mcp: {allow: [{url: 'https://a.b'}]}}}",
      "{agentSettings: {mcp: {deny: [{command: [a]}]}}}",
      "{agentSettings: {plugins: {allow: [a/b]}}}",
      "{volumeClaimTemplates: null}",
      "{volumeClaimTemplates: [{metadata: {name: other}, spec: {}}]}",
  };
  std::map<std::string, std::string> seen = {{HashAfter("{}"), "(no change)"}};
  for (const std::string& change : changes) {
    const auto [entry, fresh] = seen.emplace(HashAfter(change), change);
    EXPECT_TRUE(fresh) << change << " hashes as " << entry->second;
  }
}

TEST(RenderHashesTest, SpecHashLeavesOutWhatARunningPodCanTake) {
  const std::vector<std::string> changes = {
      "{podTemplate: {metadata: {labels: {team: b}}}}",
      "{podTemplate: {metadata: {labels: null, annotations: {note: b}}}}",
      "{podTemplate: {metadata: null}}",
      "{inputTrust: Trusted}",
      "{operatingMode: Suspended}",
      "{ingress: [{from: [{podSelector: {}}]}]}",
      "{service: {ports: [{port: 80}]}}",
      // A claim grows in place, and its metadata is its own.
      "{volumeClaimTemplates: [{metadata: {name: data, labels: {a: b}}, spec: {resources: "
      "{requests: {storage: 2Gi}}}}]}",
      // The default, spelt out.
      "{isolation: null}",
      "{podTemplate: {spec: {containers: [{image: 'registry.example.com/agent:v1', name: "
      "agent}]}}}",
  };
  for (const std::string& change : changes) EXPECT_EQ(HashAfter(change), HashAfter("{}")) << change;
}

TEST(RenderHashesTest, SpecHashIsTheSameForEveryObjectWithThisSpec) {
  api::AgentSandbox sandbox = SandboxWithSpec(kSpec);
  const std::string hash = SpecHash(sandbox);
  sandbox.metadata.name = "other";
  sandbox.metadata.uid = "other";
  sandbox.metadata.generation = 7;
  EXPECT_EQ(SpecHash(sandbox), hash);
}

TEST(RenderHashesTest, ProfileHashCoversEveryFieldThatShapesThePod) {
  const api::AgentSandbox sandbox = SandboxWithSpec(kSpec);
  const std::vector<std::pair<const char*, std::function<void(Profile&)>>> changes = {
      {"runtime class", [](Profile& profile) { profile.runtime_classes[1] = "other"; }},
      {"run_as_user", [](Profile& profile) { profile.run_as_user = 2000; }},
      {"run_as_group", [](Profile& profile) { profile.run_as_group = 2000; }},
      {"fs_group", [](Profile& profile) { profile.fs_group = 2000; }},
      {"home", [](Profile& profile) { profile.home = "/work"; }},
      {"tmp_size", [](Profile& profile) { profile.tmp_size = "2Gi"; }},
      {"home_size", [](Profile& profile) { profile.home_size = "2Gi"; }},
      {"scratch_size", [](Profile& profile) { profile.scratch_size = "2Gi"; }},
      {"requests", [](Profile& profile) { profile.default_requests["cpu"] = "1"; }},
      {"limits", [](Profile& profile) { profile.default_limits["cpu"] = "1"; }},
      {"no limit", [](Profile& profile) { profile.default_limits.erase("cpu"); }},
  };
  std::map<std::string, std::string> seen = {{ProfileHash(sandbox, {}), "(no change)"}};
  for (const auto& [what, change] : changes) {
    Profile profile;
    change(profile);
    const auto [entry, fresh] = seen.emplace(ProfileHash(sandbox, profile), what);
    EXPECT_TRUE(fresh) << what << " hashes as " << entry->second;
  }
}

TEST(RenderHashesTest, ProfileHashLeavesOutTheRest) {
  api::AgentSandbox sandbox = SandboxWithSpec(kSpec);
  const std::string hash = ProfileHash(sandbox, {});
  Profile profile;
  profile.runtime_classes[0] = "runc";  // of another tier
  profile.runtime_classes[2] = "machines";
  profile.cluster_domain = "example.com";
  EXPECT_EQ(ProfileHash(sandbox, profile), hash);
  sandbox.spec.pod_template.spec = {};
  sandbox.spec.mounts.clear();
  EXPECT_EQ(ProfileHash(sandbox, {}), hash) << "the user's part has a hash of its own";
  sandbox.spec.isolation = api::Isolation::kMicroVM;
  EXPECT_NE(ProfileHash(sandbox, {}), hash);
}

}  // namespace
}  // namespace stockade::render
