#include <gtest/gtest.h>

#include <filesystem>
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

TEST(RenderGoldenTest, RendersWhatWasReviewed) {
  ExpectGolden(kDirectory, 2, 9, [](const std::filesystem::path& input) {
    const auto sandboxes = SandboxesIn(ReadFile(input));
    EXPECT_EQ(sandboxes.size(), 1U);
    return ListOf(Render(sandboxes.at(0), {}));
  });
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
