#include "render/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Json RenderedClaim(const std::string& claim_spec_yaml) {
  const Json spec = {
      {"podTemplate", {{"spec", {{"containers", Json::array()}}}}},
      {"volumeClaimTemplates",
       Json::array({{{"metadata", {{"name", "data"}}}, {"spec", FromYaml(claim_spec_yaml)}}})}};
  return Render(SandboxWithSpec(spec.dump()), {}).claims.at(0);
}

ClaimGrowth Growth(const std::string& live_spec_yaml, const std::string& claim_spec_yaml) {
  const Json live = {{"spec", FromYaml(live_spec_yaml)}};
  return GrowthOf(codec::ParseTrusted(live).root(), RenderedClaim(claim_spec_yaml));
}

TEST(RenderClaimsTest, ClaimIsItsTemplate) {
  const auto claims = Render(SandboxWithSpec(R"(
podTemplate: {spec: {containers: []}}
volumeClaimTemplates:
  - metadata: {name: data, labels: {tier: fast}, annotations: {purpose: files}}
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: null
      resources: {requests: {storage: 10240Mi}}
  - metadata: {name: blocks}
    spec: {accessModes: [ReadWriteOncePod], volumeMode: Block, storageClassName: ""}
)"),
                             {})
                          .claims;
  ASSERT_EQ(claims.size(), 2U);
  EXPECT_EQ(claims[0].at("metadata").at("name"), "asb-box-data");
  EXPECT_EQ(claims[0].at("metadata").at("labels").at("tier"), "fast");
  EXPECT_EQ(claims[0].at("metadata").at("annotations"), FromYaml("{purpose: files}"));
  EXPECT_EQ(claims[0].at("spec"), FromYaml("{accessModes: [ReadWriteOnce], volumeMode: Filesystem, "
                                           "resources: {requests: {storage: 10Gi}}}"));
  EXPECT_EQ(claims[1].at("metadata").at("name"), "asb-box-blocks");
  EXPECT_FALSE(claims[1].at("metadata").contains("annotations"));
  EXPECT_EQ(claims[1].at("spec"),
            FromYaml("{accessModes: [ReadWriteOncePod], volumeMode: Block, storageClassName: ''}"));
}

TEST(RenderClaimsTest, AClaimThatIsToOutliveItsSandboxHasNoOwner) {
  const std::string spec =
      "podTemplate: {spec: {containers: []}}\n"
      "volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]\n";
  const auto metadata = [&spec](const std::string& lifecycle) {
    api::AgentSandbox sandbox = SandboxWithSpec(spec + lifecycle);
    sandbox.metadata.uid = "u-1";
    return Render(sandbox, {}).claims.at(0).at("metadata");
  };
  for (const char* owned : {"", "lifecycle: {volumePolicy: Delete}"}) {
    EXPECT_EQ(metadata(owned).at("ownerReferences").at(0).at("uid"), "u-1");
    EXPECT_FALSE(metadata(owned).at("labels").contains("stockade.dev/retained-for"));
  }
  const Json retained = metadata("lifecycle: {volumePolicy: Retain}");
  EXPECT_EQ(retained.at("ownerReferences"), Json::array());
  EXPECT_EQ(retained.at("labels").at("stockade.dev/retained-for"), "u-1");
}

TEST(RenderClaimsTest, OnlyTheSizeGrows) {
  struct Case {
    const char* live;
    const char* wanted;
    bool needed;
    bool shrinks;
  };
  const std::vector<Case> cases = {
      {"1Gi", "2Gi", true, false},         {"1Gi", "1Gi", false, false},
      {"1Gi", "1024Mi", false, false},     {"2Gi", "1Gi", false, true},
      {"1073741824", "1Gi", false, false}, {"1G", "1Gi", true, false},
  };
  for (const auto& [live, wanted, needed, shrinks] : cases) {
    const auto spec = [](const std::string& size) {
      return "{volumeMode: Filesystem, resources: {requests: {storage: " + size + "}}}";
    };
    const ClaimGrowth growth = Growth(spec(live), spec(wanted));
    EXPECT_EQ(growth.needed, needed) << live << " to " << wanted;
    EXPECT_EQ(growth.shrinks, shrinks) << live << " to " << wanted;
    EXPECT_THAT(growth.immutable_fields, IsEmpty());
  }
}

TEST(RenderClaimsTest, SizesThatAreUnsetOrUnreadableChangeNothing) {
  for (const char* live : {"{}", "{resources: {requests: {storage: lots}}}", "{resources: [1]}"}) {
    const ClaimGrowth growth = Growth(live, "{resources: {requests: {storage: 1Gi}}}");
    EXPECT_FALSE(growth.needed || growth.shrinks) << live;
  }
  const ClaimGrowth growth = Growth("{resources: {requests: {storage: 1Gi}}}", "{}");
  EXPECT_FALSE(growth.needed || growth.shrinks);
}

TEST(RenderClaimsTest, ImmutableFieldsThatDifferAreNamed) {
  struct Case {
    const char* live;
    const char* wanted;
    std::vector<std::string> differ;
  };
  const std::vector<Case> cases = {
      {"{accessModes: [ReadWriteOnce]}", "{accessModes: [ReadWriteMany]}", {"accessModes"}},
      {"{accessModes: [ReadOnlyMany, ReadWriteOnce]}",
       "{accessModes: [ReadWriteOnce, ReadOnlyMany]}",
       {}},
      {"{storageClassName: slow}", "{storageClassName: fast}", {"storageClassName"}},
      // What the template leaves unset is the API server's to choose.
      {"{storageClassName: chosen, volumeName: pv-1}", "{}", {}},
      {"{volumeMode: Block}", "{}", {"volumeMode"}},
      {"{selector: {matchLabels: {a: b}}}", "{selector: {matchLabels: {a: c}}}", {"selector"}},
      {"{volumeName: pv-1}", "{volumeName: pv-2}", {"volumeName"}},
      {"{dataSource: {kind: PersistentVolumeClaim, name: a, apiGroup: null}}",
       "{dataSource: {kind: PersistentVolumeClaim, name: a}}",
       {}},
      {"{dataSource: {kind: PersistentVolumeClaim, name: a}}",
       "{dataSource: {kind: PersistentVolumeClaim, name: b}}",
       {"dataSource"}},
      {"{dataSourceRef: {kind: PersistentVolumeClaim, name: a}}",
       "{dataSourceRef: {kind: PersistentVolumeClaim, name: b}}",
       {"dataSourceRef"}},
      // This one may change: nobody is told that it cannot.
      {"{volumeAttributesClassName: a}", "{volumeAttributesClassName: b}", {}},
  };
  for (const auto& [live, wanted, differ] : cases) {
    Json live_spec = FromYaml(live);
    live_spec.emplace("volumeMode", "Filesystem");  // as the API server has it
    EXPECT_EQ(Growth(live_spec.dump(), wanted).immutable_fields, differ) << live << wanted;
  }
}

}  // namespace
}  // namespace stockade::render
