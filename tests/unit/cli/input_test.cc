#include "cli/input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/temporary_directory.h"

namespace stockade::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Input Read(std::string_view text) {
  Input input;
  ReadText("file.yaml", text, input);
  return input;
}

std::vector<std::string> Kinds(const Input& input) {
  std::vector<std::string> kinds;
  for (const InputObject& object : input.objects) kinds.emplace_back(object.kind());
  return kinds;
}

TEST(InputTest, EachDocumentIsReadOnItsOwn) {
  const Input input = Read(
      "apiVersion: v1\nkind: A\n"
      "---\n"
      "a: 1\na: 2\n"
      "--- # a comment\n"
      "apiVersion: v1\nkind: B\n"
      "---\n---\n");
  EXPECT_THAT(Kinds(input), ElementsAre("A", "B"));
  ASSERT_EQ(input.problems.size(), 1U);
  EXPECT_EQ(input.problems[0].source, "file.yaml");
  EXPECT_EQ(input.problems[0].message, "not valid YAML: line 5, column 1: duplicate key \"a\"");
  EXPECT_EQ(input.objects[1].Locate("kind"), (codec::TextPosition{8, 1}));
}

TEST(InputTest, ASeparatorInsideATextIsNone) {
  const Input input = Read("apiVersion: v1\nkind: A\ndata: |\n  ---\n  x\nmore: ---x\n");
  EXPECT_THAT(Kinds(input), ElementsAre("A"));
  EXPECT_THAT(input.problems, IsEmpty());
}

TEST(InputTest, WindowsLineEndingsSeparateAsWell) {
  EXPECT_THAT(Kinds(Read("apiVersion: v1\r\nkind: A\r\n---\r\napiVersion: v1\r\nkind: B\r\n")),
              ElementsAre("A", "B"));
}

TEST(InputTest, ListsAreOpenedHoweverDeep) {
  const Input input = Read(
      "apiVersion: v1\n"
      "kind: List\n"
      "items:\n"
      "  - apiVersion: v1\n"
      "    kind: A\n"
      "  - apiVersion: v1\n"
      "    kind: BList\n"
      "    items:\n"
      "      - {apiVersion: v1, kind: B, spec: {x: 1}}\n");
  ASSERT_THAT(Kinds(input), ElementsAre("A", "B"));
  EXPECT_EQ(input.objects[1].path_prefix, "items[1].items[0].");
  EXPECT_EQ(input.objects[1].Locate("spec.x"), (codec::TextPosition{9, 42}));
  EXPECT_EQ(input.objects[1].Locate(""), (codec::TextPosition{9, 9}));
}

TEST(InputTest, ItemsOfATypedListAreOfItsKind) {
  const Input input = Read(
      "apiVersion: stockade.dev/v1alpha1\n"
      "kind: AgentSandboxList\n"
      "items:\n"
      "  - metadata: {name: a}\n"
      "    spec: {}\n"
      "  - {apiVersion: v1, kind: Other}\n");
  EXPECT_THAT(input.problems, IsEmpty());
  ASSERT_THAT(Kinds(input), ElementsAre("AgentSandbox", "Other"));
  EXPECT_EQ(input.objects[0].api_version(), "stockade.dev/v1alpha1");
  EXPECT_EQ(input.objects[0].object["metadata"]["name"].StringOrEmpty(), "a");
  EXPECT_EQ(input.objects[0].Locate("spec"), (codec::TextPosition{5, 5}));
}

TEST(InputTest, WhateverHasItemsIsAList) {
  const Input input = Read(
      "apiVersion: v1\nkind: ConfigMap\nitems:\n  - {apiVersion: v1, kind: A}\n"
      "  - {apiVersion: v1, kind: List, items: [{items: [{apiVersion: v1, kind: B}]}]}\n");
  EXPECT_THAT(Kinds(input), ElementsAre("A", "B"));
  EXPECT_THAT(input.problems, IsEmpty());
  EXPECT_THAT(input.notes, ElementsAre("file.yaml: kubectl takes an object of kind \"ConfigMap\" "
                                       "with items for a list, and applies the items and nothing "
                                       "else of it"));
  // One of ours is looked at itself as well: its schema knows no items.
  EXPECT_THAT(Kinds(Read("apiVersion: stockade.dev/v1alpha1\nkind: AgentSandbox\nitems: []\n")),
              ElementsAre("AgentSandbox"));
}

TEST(InputTest, AnItemWithoutAKindIsAProblem) {
  const auto problem = [](std::string_view text) {
    const Input input = Read(text);
    EXPECT_THAT(input.objects, IsEmpty());
    return input.problems.size() == 1 ? input.problems[0].message : "";
  };
  const char* const message =
      "line 3: an item of the list has no kind; write its apiVersion and kind";
  EXPECT_EQ(problem("apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]\n"), message);
  EXPECT_EQ(problem("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1}]\n"), message);
  // Only the outermost list lends its kind.
  EXPECT_EQ(problem("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: AList, items: [{x: "
                    "1}]}]\n"),
            message);
  EXPECT_THAT(problem("apiVersion: v1\nkind: List\nitems: [[]]\n"),
              HasSubstr("line 3: a list is no Kubernetes object"));
  EXPECT_THAT(problem("apiVersion: v1\nkind: AList\nitems: [~]\n"),
              HasSubstr("is no Kubernetes object"));
  EXPECT_EQ(problem("apiVersion: v1\nitems: []\n"),
            "line 1: a list has no kind; that of a List of any objects is List");
}

TEST(InputTest, WhatIsNoObjectIsCounted) {
  const Input input = Read("replicas: 3\n---\n- a\n---\n~\n---\nkind: NoVersion\n");
  EXPECT_THAT(Kinds(input), ElementsAre("NoVersion")) << "whose it is, others know";
  EXPECT_THAT(input.problems, IsEmpty());
  EXPECT_EQ(input.other_documents, 2U);
}

TEST(InputTest, AScalarIsAProblem) {
  const auto problem = [](std::string_view text) {
    const Input input = Read(text);
    EXPECT_THAT(input.objects, IsEmpty());
    return input.problems.size() == 1 ? input.problems[0].message : "";
  };
  EXPECT_EQ(
      problem("---\nfoo\n"),
      "line 2: \"foo\" is no Kubernetes object; write one with apiVersion and kind, or remove "
      "it");
  EXPECT_THAT(problem("3\n"), HasSubstr("line 1: 3 is no Kubernetes object"));
  EXPECT_THAT(problem("apiVersion: v1\nkind: List\nitems:\n  - text\n"),
              HasSubstr("line 4: \"text\" is no Kubernetes object"));
}

TEST(InputTest, AListWithoutApiVersionIsAProblemAndOpenedAllTheSame) {
  const Input input = Read("kind: List\nitems: [{apiVersion: v1, kind: A}]\n");
  EXPECT_THAT(Kinds(input), ElementsAre("A"));
  ASSERT_EQ(input.problems.size(), 1U);
  EXPECT_EQ(input.problems[0].message, "line 1: \"List\" has no apiVersion; that of a List is v1");
}

TEST(InputTest, JsonIsReadToo) {
  const Input input = Read("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"A\"\n}\n");
  ASSERT_THAT(Kinds(input), ElementsAre("A"));
  EXPECT_EQ(input.objects[0].Locate("kind"), (codec::TextPosition{3, 3}));
}

TEST(InputTest, CommentsBelongToTheirDocument) {
  const Input input =
      Read("# one\napiVersion: v1\nkind: A # no\n---\n  # two\napiVersion: v1\nkind: B\n");
  ASSERT_EQ(input.objects.size(), 2U);
  EXPECT_EQ(input.objects[0].comments, "# one\n");
  EXPECT_EQ(input.objects[1].comments, "# two\n");
}

TEST(InputTest, CommentsAboveTheFirstSeparatorBelongToTheFirstDocument) {
  const Input input = Read(
      "# a license\n---\n# one\napiVersion: v1\nkind: A\n---\n# nobody's\n---\n"
      "apiVersion: v1\nkind: B\n");
  ASSERT_EQ(input.objects.size(), 2U);
  EXPECT_EQ(input.objects[0].comments, "# a license\n# one\n");
  EXPECT_EQ(input.objects[1].comments, "");
  EXPECT_EQ(Read("# one\n---\n---\n# two\n---\napiVersion: v1\nkind: A\n").objects[0].comments,
            "# one\n# two\n");
  const Input broken = Read("# one\n---\na: [\n---\napiVersion: v1\nkind: A\n");
  ASSERT_EQ(broken.objects.size(), 1U);
  EXPECT_EQ(broken.objects[0].comments, "") << "they were the broken document's";
}

TEST(InputTest, ATemplateIsToldToBeRendered) {
  const Input input = Read("apiVersion: v1\nkind: {{ .Values.kind }}\nx: [\n");
  ASSERT_EQ(input.problems.size(), 1U);
  EXPECT_THAT(input.problems[0].message, HasSubstr("judge what helm template prints"));
}

class ReadInputTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& kind) {
    const std::filesystem::path path = directory_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "apiVersion: v1\nkind: " << kind << "\n";
  }

  Input ReadPaths(const std::vector<std::string>& paths) {
    return ReadInput(paths, [this]() -> Result<std::string> {
      ++stdin_reads_;
      return std::string("apiVersion: v1\nkind: Stdin\n");
    });
  }

  testing::TemporaryDirectory directory_;
  int stdin_reads_ = 0;
};

TEST_F(ReadInputTest, DirectoriesAreReadInOrderWithAllBelowThem) {
  Write("b.yml", "B");
  Write("a.yaml", "A");
  Write("sub/deep/c.json.yaml", "C");
  Write("notes.txt", "Text");
  Write(".hidden/d.yaml", "Hidden");
  Write(".e.yaml", "Hidden");
  std::filesystem::create_directory_symlink(directory_.path(), directory_.path() + "/loop");
  const Input input = ReadPaths({directory_.path()});
  EXPECT_THAT(Kinds(input), ElementsAre("A", "B", "C"));
  EXPECT_EQ(input.files, 3U);
  EXPECT_EQ(input.objects[0].source, directory_.path() + "/a.yaml");
}

TEST_F(ReadInputTest, TemplatesOfAChartAreLeftOutAndSaidToBe) {
  Write("chart/Chart.yaml", "Chart");
  Write("chart/templates/sandbox.yaml", "Template");
  Write("chart/crds/crd.yaml", "Crd");
  Write("templates/own.yaml", "Own");
  const Input input = ReadPaths({directory_.path()});
  EXPECT_THAT(Kinds(input), ElementsAre("Chart", "Crd", "Own"));
  ASSERT_EQ(input.notes.size(), 1U);
  EXPECT_THAT(input.notes[0], HasSubstr("chart/templates is left out"));
}

TEST_F(ReadInputTest, StandardInputIsReadOnce) {
  const Input input = ReadPaths({"-", "-"});
  EXPECT_THAT(Kinds(input), ElementsAre("Stdin"));
  EXPECT_EQ(input.objects[0].source, "<stdin>");
  EXPECT_EQ(stdin_reads_, 1);
}

TEST_F(ReadInputTest, AFileThatIsMissingIsAProblem) {
  const std::string missing = directory_.path() + "/missing.yaml";
  const Input input = ReadPaths({missing});
  ASSERT_EQ(input.problems.size(), 1U);
  EXPECT_EQ(input.problems[0].source, missing);
  EXPECT_EQ(input.problems[0].message, "cannot be read: No such file or directory");
}

TEST_F(ReadInputTest, APipeIsReadWhereItIsNamedAndNotWhereItIsFound) {
  const std::string pipe = directory_.path() + "/pipe.yaml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&pipe] { std::ofstream(pipe) << "apiVersion: v1\nkind: Piped\n"; });
  const Input named = ReadPaths({pipe});
  writer.join();
  EXPECT_THAT(Kinds(named), ElementsAre("Piped"));
  const Input found = ReadPaths({directory_.path()});
  ASSERT_EQ(found.problems.size(), 1U);
  EXPECT_EQ(found.problems[0].message, "cannot be read: not a regular file");
}

}  // namespace
}  // namespace stockade::cli
