#include "cli/output_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/temporary_directory.h"

namespace stockade::cli {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Json ObjectOf(const char* kind, const char* space, const char* name) {
  return {{"kind", kind}, {"metadata", {{"namespace", space}, {"name", name}}}};
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(OutputFilesTest, NamesSayWhatIsInThem) {
  EXPECT_THAT(FileNamesFor(
                  {ObjectOf("AgentSandbox", "agents", "a"), ObjectOf("AgentSandbox", "agents", "a"),
                   Json::parse(R"({"kind": "Namespace", "metadata": {"name": "agents"}})"),
                   Json::parse(R"({"kind": "AgentSandbox", "metadata": {"generateName": "b-"}})"),
                   ObjectOf("ClusterRole", "", "system:../..//x")}),
              ElementsAre("agentsandbox-agents-a.yaml", "agentsandbox-agents-a-2.yaml",
                          "namespace-agents.yaml", "agentsandbox-b-.yaml",
                          "clusterrole-system-..-..--x.yaml"));
  const std::string longest(5000, 'n');
  const auto names = FileNamesFor(
      {ObjectOf("A", "s", longest.c_str()), ObjectOf("A", "s", (longest + "x").c_str())});
  EXPECT_LT(names[0].size(), 255U);
  EXPECT_NE(names[0], names[1]);
}

TEST(OutputFilesTest, NothingIsReplacedUnasked) {
  const testing::TemporaryDirectory directory;
  const std::string target = directory.PathOf("new/below");
  auto written = WriteFiles(target, {"a.yaml", "b.yaml"}, {"1", "2"}, /*force=*/false);
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_THAT(*written, ElementsAre(target + "/a.yaml", target + "/b.yaml"));

  const auto refused = WriteFiles(target, {"c.yaml", "b.yaml"}, {"3", "4"}, /*force=*/false);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr(target + "/b.yaml exists"));
  EXPECT_FALSE(std::filesystem::exists(target + "/c.yaml")) << "all or nothing";
  EXPECT_EQ(ReadFile(target + "/b.yaml"), "2");

  ASSERT_TRUE(WriteFiles(target, {"b.yaml"}, {"5"}, /*force=*/true).ok());
  EXPECT_EQ(ReadFile(target + "/b.yaml"), "5");
  EXPECT_FALSE(std::filesystem::exists(target + "/b.yaml.partial"));
}

TEST(OutputFilesTest, ALinkIsNotFollowed) {
  const testing::TemporaryDirectory directory;
  const std::string elsewhere = directory.Write("elsewhere", "kept");
  std::filesystem::create_directory(directory.PathOf("out"));
  std::filesystem::create_symlink(elsewhere, directory.PathOf("out/a.yaml"));
  std::filesystem::create_symlink(directory.PathOf("nowhere"), directory.PathOf("out/b.yaml"));
  for (const char* name : {"a.yaml", "b.yaml"}) {
    EXPECT_FALSE(WriteFiles(directory.PathOf("out"), {name}, {"new"}, /*force=*/false).ok());
  }
  ASSERT_TRUE(WriteFiles(directory.PathOf("out"), {"a.yaml"}, {"new"}, /*force=*/true).ok());
  EXPECT_EQ(ReadFile(elsewhere), "kept");
  EXPECT_EQ(ReadFile(directory.PathOf("out/a.yaml")), "new");
}

TEST(OutputFilesTest, ADirectoryThatCannotBeMadeIsTold) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.Write("file", "");
  const auto written = WriteFiles(file, {"a.yaml"}, {"1"}, /*force=*/true);
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.status().message(), HasSubstr("cannot write " + file));
}

}  // namespace
}  // namespace stockade::cli
