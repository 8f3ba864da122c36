#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "codec/yaml.h"
#include "policy/rule.h"
#include "policy/rule_groups.h"
#include "tests/source_dir.h"
#include "tests/unit/policy/objects.h"
#include "tests/unit/policy/rule_case.h"

// What holds for the table of rules as a whole, and for the examples that are shipped.
namespace stockade::policy {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(RulesTableTest, CodesAreUniqueAndUpperCamelCase) {
  std::set<std::string_view> codes;
  for (const Rule* rule : Rules()) {
    EXPECT_TRUE(codes.insert(rule->code).second) << rule->code << " stands twice";
    ASSERT_FALSE(rule->code.empty());
    EXPECT_TRUE(rule->code.front() >= 'A' && rule->code.front() <= 'Z') << rule->code;
    EXPECT_TRUE(std::ranges::all_of(rule->code, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    })) << rule->code;
    EXPECT_EQ(FindRule(rule->code), rule);
  }
  EXPECT_GT(codes.size(), 50U);
  EXPECT_EQ(FindRule(""), nullptr);
  EXPECT_EQ(FindRule("hostnamespace"), nullptr);
}

TEST(RulesTableTest, EveryRuleExplainsItself) {
  for (const Rule* rule : Rules()) {
    const bool judged_elsewhere =
        rule->judges == JudgedObject::kByPolicy || rule->judges == JudgedObject::kRequest;
    EXPECT_EQ(rule->check == nullptr, judged_elsewhere) << rule->code;
    EXPECT_EQ(rule->check_by_policy != nullptr, rule->judges == JudgedObject::kByPolicy)
        << rule->code;
    EXPECT_FALSE(rule->fields.empty()) << rule->code;
    EXPECT_FALSE(rule->fields.ends_with('.')) << rule->code;
    EXPECT_TRUE(rule->summary.ends_with('.')) << rule->code << " has a summary of sentences";
    // It follows a semicolon: no capital, no full stop.
    ASSERT_FALSE(rule->remedy.empty()) << rule->code;
    EXPECT_FALSE(rule->remedy.ends_with('.')) << rule->code;
    EXPECT_TRUE(std::islower(static_cast<unsigned char>(rule->remedy.front()))) << rule->code;
    for (const std::string_view text : {rule->fields, rule->summary, rule->remedy}) {
      EXPECT_EQ(text.find("  "), text.npos) << rule->code << ": " << text;
      EXPECT_EQ(text.find('\n'), text.npos) << rule->code;
    }
  }
}

TEST(RulesTableTest, ReferencesAreWellFormed) {
  const ::testing::Matcher<std::string> cve =
      ::testing::ContainsRegex("^(CVE-[0-9]{4}-[0-9]{4,7}(, CVE-[0-9]{4}-[0-9]{4,7})*)?$");
  const ::testing::Matcher<std::string> kubescape =
      ::testing::ContainsRegex("^(C-[0-9]{4}(, C-[0-9]{4})*)?$");
  for (const Rule* rule : Rules()) {
    EXPECT_THAT(std::string(rule->references.cve), cve) << rule->code;
    EXPECT_THAT(std::string(rule->references.kubescape), kubescape) << rule->code;
  }
}

// A rule counts as covered in a form when a case of it is judged in that form.
TEST(RulesTableTest, EveryRuleHasCasesInEveryFormThatItJudges) {
  struct Covered {
    std::set<bool> broken;  // in the rendered form?
    std::set<bool> passed;
  };
  std::map<std::string_view, Covered> covered;
  for (const RuleCase& c : AllCases()) {
    const Rule* rule = FindRule(c.code);
    ASSERT_NE(rule, nullptr) << c.code << " is no rule";
    for (const bool rendered : {false, true}) {
      const bool judged =
          rule->judges == JudgedObject::kBoth ||
          rule->judges == (rendered ? JudgedObject::kRenderedPod : JudgedObject::kSandbox);
      const bool tried = (!rendered || c.scope != Scope::kSandbox) &&
                         c.form != (rendered ? Form::kSandboxOnly : Form::kRenderedOnly);
      if (!judged || !tried) continue;
      (c.fields.empty() ? covered[c.code].passed : covered[c.code].broken).insert(rendered);
    }
  }
  for (const Rule* rule : Rules()) {
    if (rule->check == nullptr) continue;
    for (const bool rendered : {false, true}) {
      if (rule->judges == (rendered ? JudgedObject::kSandbox : JudgedObject::kRenderedPod)) {
        continue;
      }
      const char* form = rendered ? " in a rendered pod" : " in a sandbox";
      EXPECT_TRUE(covered[rule->code].broken.contains(rendered))
          << rule->code << " has no case that breaks it" << form;
      EXPECT_TRUE(covered[rule->code].passed.contains(rendered))
          << rule->code << " has no case that passes" << form;
    }
  }
}

TEST(RulesTableTest, CasesHaveNamesOfTheirOwn) {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const RuleCase& c : AllCases()) {
    EXPECT_TRUE(names.emplace(c.code, c.name).second) << c.code << "_" << c.name;
  }
}

// What the rules say of a container they say of it in every position: whoever writes "every
// container" has cases with a container.
TEST(RulesTableTest, RulesForContainersAreTriedInEveryPosition) {
  std::set<std::string_view> with_container;
  for (const RuleCase& c : AllCases()) {
    if (c.scope == Scope::kContainer && !c.fields.empty()) with_container.insert(c.code);
  }
  for (const Rule* rule : Rules()) {
    // Probes, names of containers and MountOverlap's paths are written otherwise.
    if (rule->fields.find("every container") == rule->fields.npos) continue;
    if (rule->check == nullptr) continue;  // they have tables of their own
    if (rule->code == "MountOverlap") continue;
    EXPECT_THAT(with_container, Contains(rule->code));
  }
}

TEST(CleanObjectsTest, HaveNoFindings) {
  EXPECT_THAT(Describe(JudgeSandbox(PlainSandbox())), IsEmpty());
  EXPECT_THAT(Describe(JudgePod(HardenedPod())), IsEmpty());
}

// ---- Examples

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> YamlFilesIn(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/" + directory)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// The sandboxes of a file and those that its templates make; it may hold other objects as well.
std::vector<Json> SandboxesOf(const std::filesystem::path& path) {
  auto documents = codec::ParseYamlDocuments(ReadFile(path));
  EXPECT_TRUE(documents.ok()) << path << ": " << documents.status().ToString();
  std::vector<Json> sandboxes;
  if (!documents.ok()) return sandboxes;
  for (const codec::JsonDocument& document : *documents) {
    if (document.root()["kind"].StringOrEmpty() == "AgentSandbox") {
      sandboxes.push_back(document.root().ToJson());
    } else if (document.root()["kind"].StringOrEmpty() == "AgentSandboxTemplate") {
      sandboxes.push_back({{"apiVersion", "stockade.dev/v1alpha1"},
                           {"kind", "AgentSandbox"},
                           {"metadata", {{"name", "template"}}},
                           {"spec", document.root()["spec"]["template"]["spec"].ToJson()}});
    }
  }
  EXPECT_THAT(sandboxes, Not(IsEmpty())) << path;
  return sandboxes;
}

TEST(ExamplesTest, AreAccepted) {
  const auto files = YamlFilesIn("examples");
  EXPECT_GE(files.size(), 5U);
  for (const auto& file : files) {
    for (const Json& sandbox : SandboxesOf(file)) {
      EXPECT_THAT(Describe(JudgeSandbox(sandbox)), IsEmpty()) << file;
    }
  }
}

// Each says in its first line what is wrong with it: "# expect: Code field".
TEST(ExamplesTest, RejectedOnesAreRejectedForWhatTheySay) {
  const auto files = YamlFilesIn("examples/rejected");
  EXPECT_GE(files.size(), 17U);
  for (const auto& file : files) {
    const std::string text = ReadFile(file);
    constexpr std::string_view kExpect = "# expect: ";
    ASSERT_TRUE(text.starts_with(kExpect)) << file;
    const std::string expected = text.substr(kExpect.size(), text.find('\n') - kExpect.size());
    for (const Json& sandbox : SandboxesOf(file)) {
      EXPECT_THAT(ErrorsOf(JudgeSandbox(sandbox)), ::testing::ElementsAre(expected)) << file;
    }
  }
}

// ---- The corpus: tests/corpus/rules/CODE/{good,bad}*.yaml, which the integration tests send
// through the real webhook.

constexpr const char* kCorpus = "tests/corpus/rules";

std::vector<std::string> CorpusCodes() {
  std::vector<std::string> codes;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/" + std::string(kCorpus))) {
    codes.push_back(entry.path().filename());
  }
  std::ranges::sort(codes);
  return codes;
}

TEST(CorpusTest, HasAPairForEveryRuleOfTheFloor) {
  const std::vector<std::string> codes = CorpusCodes();
  for (const std::string& code : codes) EXPECT_NE(FindRule(code), nullptr) << code;
  for (const Rule* rule : Rules()) {
    if (rule->check == nullptr) continue;  // by a policy, or of a request
    const std::string code(rule->code);
    ASSERT_THAT(codes, Contains(code)) << "add " << kCorpus << "/" << code;
    std::size_t good = 0;
    std::size_t bad = 0;
    for (const auto& file : YamlFilesIn(kCorpus + ("/" + code))) {
      const std::string name = file.stem();
      ASSERT_TRUE(name.starts_with("good") || name.starts_with("bad")) << file;
      ++(name.starts_with("good") ? good : bad);
    }
    EXPECT_GT(good, 0U) << code << " has no good.yaml";
    EXPECT_GT(bad, 0U) << code << " has no bad.yaml";
  }
}

// The first line is "# expect: CODE FIELD" of an error, "# warn: CODE FIELD", or "# pass: REASON".
TEST(CorpusTest, IsJudgedAsItSays) {
  for (const std::string& code : CorpusCodes()) {
    for (const auto& file : YamlFilesIn(kCorpus + ("/" + code))) {
      const std::string text = ReadFile(file);
      const std::string first = text.substr(0, text.find('\n'));
      for (const Json& sandbox : SandboxesOf(file)) {
        std::string found = "# pass: ";
        const auto findings = JudgeSandbox(sandbox);
        ASSERT_LE(findings.size(), 1U) << file << "\n" << Describe(findings);
        for (const Finding& finding : findings) {
          found = finding.severity == Severity::kError ? "# expect: " : "# warn: ";
          found += std::string(finding.code) + " " + finding.field;
          EXPECT_EQ(finding.code, code) << file;
          EXPECT_EQ(first, found) << file;
        }
        EXPECT_TRUE(first.starts_with(found)) << file << "\n" << Describe(findings);
      }
    }
  }
}

TEST(GoldenSandboxesTest, HaveNoErrors) {
  const auto files = YamlFilesIn("tests/golden/render");
  EXPECT_GE(files.size(), 9U);
  for (const auto& file : files) {
    for (const Json& sandbox : SandboxesOf(file)) {
      EXPECT_THAT(ErrorsOf(JudgeSandbox(sandbox)), IsEmpty()) << file;
    }
  }
}

}  // namespace
}  // namespace stockade::policy
