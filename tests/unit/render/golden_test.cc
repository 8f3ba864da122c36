#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "render_testing.h"
#include "tests/source_dir.h"

// Each tests/golden/render/NAME.yaml is a sandbox, and NAME.json beside it a List of everything
// that the default profile makes of it. To rewrite the lists after a change of rendering, and then
// to read their diff:
//   STOCKADE_UPDATE_GOLDEN=1 render_test --gtest_filter='RenderGoldenTest.*'
namespace stockade::render {
namespace {

using codec::Json;

const std::filesystem::path kDirectory = STOCKADE_SOURCE_DIR "/tests/golden/render";

Json ListOf(const DesiredObjects& desired) {
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", ObjectsOf(desired)}};
}

bool Updating() { return std::getenv("STOCKADE_UPDATE_GOLDEN") != nullptr; }

TEST(RenderGoldenTest, RendersWhatWasReviewed) {
  const auto inputs = FilesIn(kDirectory, ".yaml");
  EXPECT_GE(inputs.size(), 9U);
  for (const auto& input : inputs) {
    SCOPED_TRACE(input.filename().string());
    const auto sandboxes = SandboxesIn(ReadFile(input));
    ASSERT_EQ(sandboxes.size(), 1U);
    const Json rendered = ListOf(Render(sandboxes[0], {}));
    const std::string text = rendered.dump(2) + "\n";
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

TEST(RenderGoldenTest, EveryGoldenFileHasItsInput) {
  for (const auto& golden : FilesIn(kDirectory, ".json")) {
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(golden).replace_extension(".yaml")))
        << golden;
  }
}

// Equal input gives equal output, whatever the order in which the input was written and whatever
// was rendered before it.
TEST(RenderGoldenTest, RenderingIsDeterministic) {
  for (const auto& input : FilesIn(kDirectory, ".yaml")) {
    SCOPED_TRACE(input.filename().string());
    const std::string text = ReadFile(input);
    const auto first = SandboxesIn(text);
    const auto second = SandboxesIn(FromYaml(text).dump());  // as JSON, with its keys sorted
    ASSERT_EQ(first.size(), 1U);
    ASSERT_EQ(second.size(), 1U);
    const std::string rendered = ListOf(Render(first[0], {})).dump();
    EXPECT_EQ(rendered, ListOf(Render(second[0], {})).dump());
    EXPECT_EQ(rendered, ListOf(Render(first[0], {})).dump());
  }
}

}  // namespace
}  // namespace stockade::render
