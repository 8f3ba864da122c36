#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "api/gateway_names.h"
#include "render/gateway_credentials.h"
#include "render/sandbox_egress.h"
#include "render_testing.h"
#include "tests/source_dir.h"
#include "tests/unit/render/gateway_testing.h"

// Each tests/golden/gateway/NAME.yaml is a sandbox with spec.egress, and NAME.json beside it a List
// of everything that its way out is made of; the proxies' configurations have golden files of their
// own. To rewrite the lists after a change of rendering, and then to read their diff:
//   STOCKADE_UPDATE_GOLDEN=1 render_test --gtest_filter='GatewayGoldenTest.*'
namespace stockade::render {
namespace {

using codec::Json;

const std::filesystem::path kDirectory = STOCKADE_SOURCE_DIR "/tests/golden/gateway";

// Without the proxies' configurations and digests of them.
std::vector<Json> Brief(std::vector<Json> objects) {
  for (Json& object : objects) {
    if (object["kind"] == "Deployment") {
      object["spec"]["template"]["metadata"]["annotations"]
            [std::string(api::kConfigHashAnnotation)] = "...";
    }
    if (object["kind"] != "ConfigMap") continue;
    for (auto& [file, contents] : object["data"].items()) {
      if (file != kCredentialsFile && file != kTrustFile) contents = "...";
    }
  }
  return objects;
}

Json ListOf(const std::filesystem::path& input) {
  const auto sandboxes = SandboxesIn(ReadFile(input));
  EXPECT_EQ(sandboxes.size(), 1U);
  if (sandboxes.size() != 1) return nullptr;
  return {{"apiVersion", "v1"},
          {"kind", "List"},
          {"items", Brief(ObjectsOf(RenderedWithEgress(sandboxes[0])))}};
}

TEST(GatewayGoldenTest, RendersWhatWasReviewed) { ExpectGolden(kDirectory, 1, 5, ListOf); }

}  // namespace
}  // namespace stockade::render
