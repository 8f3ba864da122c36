#include "render/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr const char* kPodTemplate =
    "podTemplate: {spec: {containers: [{name: agent, image: registry.example.com/agent:v1}]}}\n";

Json PodSpecWith(const std::string& spec_yaml) {
  return PodSpecOf(SandboxWithSpec(kPodTemplate + spec_yaml));
}

// The volume that the template's entry `volume_yaml`, named v, becomes.
Json TemplateVolume(const std::string& volume_yaml) {
  Json volume = FromYaml(volume_yaml);
  volume["name"] = "v";
  const Json pod_spec = {{"containers", Json::array()}, {"volumes", Json::array({volume})}};
  return Named(PodSpecOf(SandboxWithPod(pod_spec.dump())).at("volumes"), "v");
}

struct MountCase {
  const char* mount;   // fields beside name and mountPath
  const char* volume;  // fields beside name
  bool read_only;
};

TEST(RenderVolumesTest, MountsBecomeVolumesOfTheirSource) {
  const std::vector<MountCase> cases = {
      {"{persistentVolumeClaim: {claimName: data}}",
       "{persistentVolumeClaim: {claimName: data, readOnly: true}}", true},
      {"{persistentVolumeClaim: {claimName: data}, access: Persistent}",
       "{persistentVolumeClaim: {claimName: data}}", false},
      {"{configMap: {name: settings}}", "{configMap: {name: settings, defaultMode: 420}}", true},
      {"{configMap: {name: settings, defaultMode: 0400, optional: null}}",
       "{configMap: {name: settings, defaultMode: 256}}", true},
      {"{image: {reference: registry.example.com/tools:v1}}",
       "{image: {reference: registry.example.com/tools:v1, pullPolicy: IfNotPresent}}", true},
      {"{image: {reference: registry.example.com/tools, pullPolicy: Never}}",
       "{image: {reference: registry.example.com/tools, pullPolicy: Never}}", true},
      {"{empty: {}, access: Ephemeral}", "{emptyDir: {sizeLimit: 1Gi}}", false},
      {"{empty: {medium: Memory}, access: Ephemeral, sizeLimit: 2048Mi}",
       "{emptyDir: {medium: Memory, sizeLimit: 2Gi}}", false},
      {"{empty: {}, access: Ephemeral, sizeLimit: 1000000}", "{emptyDir: {sizeLimit: 1M}}", false},
  };
  for (const auto& [mount, volume, read_only] : cases) {
    SCOPED_TRACE(mount);
    Json given = FromYaml(mount);
    given["name"] = "m";
    given["mountPath"] = "/m";
    const Json spec = PodSpecWith("mounts: [" + given.dump() + "]");
    Json expected = FromYaml(volume);
    expected["name"] = "stockade-mount-m";
    EXPECT_EQ(Named(spec.at("volumes"), "stockade-mount-m"), expected);
    Json expected_mount = {{"name", "stockade-mount-m"}, {"mountPath", "/m"}};
    if (read_only) expected_mount["readOnly"] = true;
    EXPECT_EQ(Named(spec.at("containers").at(0).at("volumeMounts"), "stockade-mount-m"),
              expected_mount);
  }
}

TEST(RenderVolumesTest, ClaimTemplatesAreVolumesOfTheirOwnName) {
  const Json spec = PodSpecWith(R"(
volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}
mounts:
  - {name: work, mountPath: /work, access: Persistent, volumeClaimTemplate: {name: data}}
  - {name: look, mountPath: /look, volumeClaimTemplate: {name: data}}
)");
  EXPECT_EQ(Named(spec.at("volumes"), "data"),
            FromYaml("{name: data, persistentVolumeClaim: {claimName: asb-box-data}}"));
  EXPECT_EQ(spec.at("containers").at(0).at("volumeMounts"), FromYaml(R"(
- {name: data, mountPath: /work}
- {name: data, mountPath: /look, readOnly: true}
- {name: stockade-home, mountPath: /home/agent}
- {name: stockade-tmp, mountPath: /tmp}
)"));
}

TEST(RenderVolumesTest, ClaimTemplateReplacesAVolumeOfItsName) {
  const Json spec = PodSpecOf(SandboxWithSpec(R"(
podTemplate:
  spec:
    containers: [{name: agent, image: registry.example.com/agent:v1}]
    volumes: [{name: data, emptyDir: {}}, {name: other, emptyDir: {}}]
volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}
)"));
  EXPECT_THAT(NamesIn(spec.at("volumes")),
              ElementsAre("other", "data", "stockade-home", "stockade-tmp"));
  EXPECT_TRUE(Named(spec.at("volumes"), "data").contains("persistentVolumeClaim"));
}

TEST(RenderVolumesTest, ContainersKeepWhatTheyMountThemselves) {
  const Json spec = PodSpecOf(SandboxWithSpec(R"(
podTemplate:
  spec:
    containers:
      - name: own
        image: registry.example.com/agent:v1
        volumeMounts: [{name: cache, mountPath: /m//}, {name: cache, mountPath: /tmp/}]
      - name: other
        image: registry.example.com/agent:v1
    volumes: [{name: cache, emptyDir: {}}]
mounts:
  - {name: m, mountPath: /m, access: Ephemeral, empty: {}}
)"));
  EXPECT_EQ(Named(spec.at("containers"), "own").at("volumeMounts"), FromYaml(R"(
- {name: cache, mountPath: /m//}
- {name: cache, mountPath: /tmp/}
- {name: stockade-home, mountPath: /home/agent}
)"));
  EXPECT_THAT(NamesIn(Named(spec.at("containers"), "other").at("volumeMounts")),
              ElementsAre("stockade-mount-m", "stockade-home", "stockade-tmp"));
}

TEST(RenderVolumesTest, OwnDirectoriesGiveWayToMounts) {
  const Json spec = PodSpecWith(R"(
mounts:
  - {name: home, mountPath: /home/agent/, access: Ephemeral, empty: {}}
  - {name: tmp, mountPath: /tmp, access: Ephemeral, empty: {}, sizeLimit: 5Gi}
)");
  EXPECT_THAT(NamesIn(spec.at("volumes")),
              ElementsAre("stockade-mount-home", "stockade-mount-tmp"));
}

TEST(RenderVolumesTest, OwnDirectoriesThatNobodyMountsAreLeftOut) {
  const Json spec = PodSpecOf(SandboxWithPod(R"(
containers:
  - name: agent
    image: registry.example.com/agent:v1
    volumeMounts: [{name: scratch, mountPath: /tmp}]
volumes: [{name: scratch, emptyDir: {}}]
)"));
  EXPECT_THAT(NamesIn(spec.at("volumes")), Not(Contains("stockade-tmp")));
  EXPECT_THAT(NamesIn(spec.at("volumes")), Contains("stockade-home"));
}

TEST(RenderVolumesTest, OwnDirectoriesHaveTheProfilesPathAndSize) {
  Profile profile;
  profile.home = "/work";
  profile.home_size = "3Gi";
  profile.tmp_size = "512Mi";
  const Json spec =
      Render(SandboxWithPod("{containers: [{name: a, image: b}]}"), profile).pod.at("spec");
  EXPECT_EQ(spec.at("volumes"), FromYaml(R"(
- {name: stockade-home, emptyDir: {sizeLimit: 3Gi}}
- {name: stockade-tmp, emptyDir: {sizeLimit: 512Mi}}
)"));
  EXPECT_EQ(spec.at("containers").at(0).at("volumeMounts").at(0).at("mountPath"), "/work");
  EXPECT_EQ(spec.at("containers").at(0).at("env").at(0).at("value"), "/work");
}

TEST(RenderVolumesTest, VolumesOfTheTemplateAreCompleted) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{emptyDir: {}}", "{emptyDir: {sizeLimit: 1Gi}}"},
      {"{}", "{emptyDir: {sizeLimit: 1Gi}}"},
      {"{emptyDir: null}", "{emptyDir: {sizeLimit: 1Gi}}"},
      // The kubelet takes zero for no limit.
      {"{emptyDir: {sizeLimit: 0}}", "{emptyDir: {sizeLimit: 1Gi}}"},
      {"{emptyDir: {sizeLimit: '0Mi', medium: Memory}}",
       "{emptyDir: {sizeLimit: 1Gi, medium: Memory}}"},
      {"{emptyDir: {sizeLimit: 0.5Gi}}", "{emptyDir: {sizeLimit: 512Mi}}"},
      {"{configMap: {name: c}}", "{configMap: {name: c, defaultMode: 420}}"},
      {"{configMap: {name: c, defaultMode: 0}}", "{configMap: {name: c, defaultMode: 0}}"},
      {"{image: {reference: 'r:latest'}}", "{image: {reference: 'r:latest', pullPolicy: Always}}"},
      {"{persistentVolumeClaim: {claimName: c}}", "{persistentVolumeClaim: {claimName: c}}"},
      {"{downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}, "
       "{path: q, resourceFieldRef: {resource: limits.cpu, containerName: a}}]}}",
       "{downwardAPI: {defaultMode: 420, items: [{path: p, fieldRef: {apiVersion: v1, fieldPath: "
       "metadata.name}}, {path: q, resourceFieldRef: {resource: limits.cpu, containerName: a, "
       "divisor: '0'}}]}}"},
      {"{projected: {sources: [{configMap: {name: c}}, {downwardAPI: {items: [{path: p, fieldRef: "
       "{fieldPath: metadata.uid}}]}}]}}",
       "{projected: {defaultMode: 420, sources: [{configMap: {name: c}}, {downwardAPI: {items: "
       "[{path: p, fieldRef: {apiVersion: v1, fieldPath: metadata.uid}}]}}]}}"},
      {"{ephemeral: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 1024Mi}}}}}}",
       "{ephemeral: {volumeClaimTemplate: {metadata: {}, spec: {volumeMode: Filesystem, resources: "
       "{requests: {storage: 1Gi}}}}}}"},
  };
  for (const auto& [given, expected_yaml] : cases) {
    Json expected = FromYaml(expected_yaml);
    expected["name"] = "v";
    EXPECT_EQ(TemplateVolume(given), expected) << given;
  }
}

TEST(RenderVolumesTest, NamesOfMountVolumesFitAndDiffer) {
  EXPECT_EQ(MountVolumeName("work"), "stockade-mount-work");
  const std::string longest(48, 'a');
  EXPECT_EQ(MountVolumeName(longest), "stockade-mount-" + longest);
  const std::string first = MountVolumeName(longest + "b");
  const std::string second = MountVolumeName(longest + "c");
  EXPECT_EQ(first.size(), 63U);
  EXPECT_EQ(second.size(), 63U);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, MountVolumeName(longest + "b"));
  EXPECT_TRUE(first.starts_with("stockade-mount-aaaa"));
}

}  // namespace
}  // namespace stockade::render
