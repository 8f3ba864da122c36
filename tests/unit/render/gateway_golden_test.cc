#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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

bool Updating() { return std::getenv("STOCKADE_UPDATE_GOLDEN") != nullptr; }

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

TEST(GatewayGoldenTest, RendersWhatWasReviewed) {
  const auto inputs = FilesIn(kDirectory, ".yaml");
  EXPECT_GE(inputs.size(), 5U);
  for (const auto& input : inputs) {
    SCOPED_TRACE(input.filename().string());
    const Json rendered = ListOf(input);
    const std::string text = rendered.dump(1) + "\n";
    EXPECT_EQ(text, ListOf(input).dump(1) + "\n");
    const auto golden = std::filesystem::path(input).replace_extension(".json");
    if (Updating()) {
      std::ofstream(golden, std::ios::binary) << text;
      continue;
    }
    const std::string expected = ReadFile(golden);
    if (text == expected) continue;
    const Json wanted = Json::parse(expected, nullptr, /*allow_exceptions=*/false);
    ADD_FAILURE() << "to make of the golden file what is rendered now:\n"
                  << Json::diff(wanted, rendered).dump(2);
  }
  // A run that compares nothing must not look like one that passed.
  if (Updating()) GTEST_FAIL() << "the golden files are rewritten; read their diff";
}

}  // namespace
}  // namespace stockade::render
