#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "render/envoy/envoy.h"
#include "render_testing.h"
#include "tests/source_dir.h"
#include "tests/unit/render/egress_testing.h"

// Each tests/golden/envoy/NAME.yaml is a sandbox, and NAME.json beside it the files of its two
// proxies; hack/test conformance shows them to Envoy. To rewrite them after a change of rendering:
//   STOCKADE_UPDATE_GOLDEN=1 render_test --gtest_filter='EnvoyGoldenTest.*'
namespace stockade::render::envoy {
namespace {

using codec::Json;

const std::filesystem::path kDirectory = STOCKADE_SOURCE_DIR "/tests/golden/envoy";

Json Rendered(const std::filesystem::path& input) {
  const EgressSections sections = SectionsIn(ReadFile(input));
  const EgressProfile profile = MakeEgressProfile(sections.egress, sections.credentials);
  return {{"sidecar",
           RenderSidecar(profile, {.namespace_name = "team-a", .gateway_address = "10.96.0.20"})},
          {"gateway", RenderGateway(profile, {.namespace_name = "team-a",
                                              .cluster_ranges = {"10.96.0.0/12", "203.0.115.7"}})}};
}

TEST(EnvoyGoldenTest, RendersWhatWasReviewed) { ExpectGolden(kDirectory, 1, 12, Rendered); }

// No value of a Secret can be in a ConfigMap, for rendering never sees one; neither may a name of
// the user's become anything but a string.
TEST(EnvoyRenderTest, WhatUsersWriteStaysAString) {
  const EgressProfile profile = ProfileOf(
      R"({allow: [{host: 'a.example.com"}],"x":[{', paths: ['/a"b'], methods: ['GET"'], credential: 'k"'}]})",
      R"([{name: 'k"', header: {name: 'h"', prefix: "\"\n", secretKeyRef: {name: s, key: 'k"'}}}])");
  for (const auto& [name, contents] : RenderGateway(profile, {.namespace_name = "n"})) {
    EXPECT_EQ(Json::parse(contents.dump()), contents) << name;
  }
}

TEST(EnvoyRenderTest, NothingListensForAdministrators) {
  for (const auto& input : FilesIn(kDirectory, ".yaml")) {
    const Json rendered = Rendered(input);
    for (const char* side : {"sidecar", "gateway"}) {
      EXPECT_FALSE(rendered[side]["envoy.json"].contains("admin")) << input;
      // The gateway's only address, and the sidecar's, which is loopback.
      int addresses = 0;
      for (const Json& listener : rendered[side]["envoy.json"]["static_resources"]["listeners"]) {
        if (listener.contains("address")) ++addresses;
      }
      EXPECT_EQ(addresses, 1) << input;
    }
    EXPECT_EQ(rendered["sidecar"]["envoy.json"]["static_resources"]["listeners"][0]["address"]
                      ["socket_address"]["address"],
              "127.0.0.1");
  }
}

}  // namespace
}  // namespace stockade::render::envoy
