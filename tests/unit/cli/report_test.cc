#include "cli/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "codec/json.h"
#include "tests/source_dir.h"

// tests/golden/lint/input.yaml, and beside it what each format makes of it. To rewrite those, and
// then to read their diff:
//   STOCKADE_UPDATE_GOLDEN=1 cli_test --gtest_filter='ReportGoldenTest.*'
namespace stockade::cli {
namespace {

using codec::Json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kDirectory = STOCKADE_SOURCE_DIR "/tests/golden/lint";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

LintReport ReportOf(const std::string& text, const std::string& source = "input.yaml") {
  Input input;
  input.files = 1;
  ReadText(source, text, input);
  return Lint(input, {});
}

// SARIF without the rules, which change with every rule and are tested below.
std::string SarifWithoutRules(const LintReport& report) {
  Json sarif = Json::parse(SarifReport(report));
  sarif["runs"][0]["tool"]["driver"].erase("rules");
  for (Json& result : sarif["runs"][0]["results"]) result.erase("ruleIndex");
  return sarif.dump(2) + "\n";
}

TEST(ReportGoldenTest, WritesWhatWasReviewed) {
  const bool updating = std::getenv("STOCKADE_UPDATE_GOLDEN") != nullptr;
  const LintReport report = ReportOf(ReadFile(kDirectory / "input.yaml"));
  ASSERT_FALSE(report.objects.empty());
  const std::pair<const char*, std::string> outputs[] = {
      {"output.txt", TextReport(report, /*colour=*/false) + Summary(report)},
      {"output.json", JsonReport(report)},
      {"output.sarif", SarifWithoutRules(report)},
      {"output.xml", JunitReport(report, /*warnings_fail=*/false)}};
  for (const auto& [name, text] : outputs) {
    if (updating) {
      std::ofstream(kDirectory / name, std::ios::binary) << text;
    } else {
      EXPECT_EQ(text, ReadFile(kDirectory / name)) << name;
    }
  }
  // A run that compares nothing must not look like one that passed.
  if (updating) GTEST_FAIL() << "the golden files are rewritten; read their diff";
}

TEST(ReportTest, SarifHasEveryRuleAndResultsPointAtTheirs) {
  const LintReport report = ReportOf(ReadFile(kDirectory / "input.yaml"));
  const Json sarif = Json::parse(SarifReport(report));
  const Json& run = sarif["runs"][0];
  const Json& rules = run["tool"]["driver"]["rules"];
  EXPECT_EQ(rules.size(), AllRules().size());
  std::set<std::string> ids;
  for (const Json& rule : rules) {
    EXPECT_TRUE(ids.insert(rule["id"].get<std::string>()).second) << rule["id"];
    EXPECT_FALSE(rule["fullDescription"]["text"].get<std::string>().empty()) << rule["id"];
  }
  ASSERT_FALSE(run["results"].empty());
  std::set<std::string> fingerprints;
  for (const Json& result : run["results"]) {
    const auto index = result["ruleIndex"].get<std::size_t>();
    EXPECT_EQ(rules[index]["id"], result["ruleId"]);
    fingerprints.insert(result["partialFingerprints"]["stockade/v1"].get<std::string>());
  }
  EXPECT_EQ(fingerprints.size(), run["results"].size()) << "each finding has its own";
}

TEST(ReportTest, AFingerprintStaysWhenTheFindingMoves) {
  const std::string text = ReadFile(kDirectory / "input.yaml");
  const auto fingerprint = [](const std::string& moved) {
    const Json sarif = Json::parse(SarifReport(ReportOf(moved)));
    return sarif["runs"][0]["results"][0]["partialFingerprints"].dump();
  };
  EXPECT_EQ(fingerprint(text), fingerprint("# another line\n" + text));
}

TEST(ReportTest, NoTwoFindingsHaveOneFingerprint) {
  const std::string object =
      "{apiVersion: stockade.dev/v1alpha1, kind: AgentSandbox, metadata: {generateName: a-}}\n";
  Input input;
  for (const char* source : {"overlays/staging.yaml", "overlays/production.yaml"}) {
    ReadText(source, object + "---\n" + object, input);
  }
  const Json sarif = Json::parse(SarifReport(Lint(input, {})));
  const Json& results = sarif["runs"][0]["results"];
  std::set<std::string> fingerprints;
  for (const Json& result : results) {
    fingerprints.insert(result["partialFingerprints"]["stockade/v1"].get<std::string>());
  }
  EXPECT_EQ(results.size(), 4U) << results.dump(2);
  EXPECT_EQ(fingerprints.size(), results.size());
}

TEST(ReportTest, SarifNamesFilesAsUris) {
  const std::string broken = "{apiVersion: stockade.dev/v1alpha1, kind: AgentSandbox}";
  const auto uri = [&broken](const std::string& source) {
    const Json sarif = Json::parse(SarifReport(ReportOf(broken, source)));
    return sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
                ["uri"]
                    .get<std::string>();
  };
  EXPECT_EQ(uri("./a/b c.yaml"), "a/b%20c.yaml");
  EXPECT_EQ(uri("/etc/x#1.yaml"), "file:///etc/x%231.yaml");
  EXPECT_EQ(uri("<stdin>"), "stdin");
}

TEST(ReportTest, ColoursStandOnlyWhereTheyAreWanted) {
  const LintReport report = ReportOf(ReadFile(kDirectory / "input.yaml"));
  EXPECT_THAT(TextReport(report, /*colour=*/true), HasSubstr("\x1b[1;31merror:\x1b[0m"));
  EXPECT_THAT(TextReport(report, /*colour=*/false), Not(HasSubstr("\x1b")));
}

LintReport ReportWith(policy::Severity severity, const std::string& message) {
  LintReport report;
  report.files = 1;
  report.objects.push_back({.source = "f.yaml",
                            .kind = "AgentSandbox",
                            .namespace_name = "n",
                            .name = "a",
                            .position = {1, 1},
                            .findings = {{{"RootUser", severity, "spec.x", message}, {2, 3}}}});
  return report;
}

TEST(ReportTest, JunitFailsForWarningsOnlyWhenTold) {
  const LintReport report = ReportWith(policy::Severity::kWarning, "m");
  EXPECT_THAT(JunitReport(report, /*warnings_fail=*/false), HasSubstr("failures=\"0\""));
  EXPECT_THAT(JunitReport(report, /*warnings_fail=*/false), HasSubstr("<system-out>"));
  EXPECT_THAT(JunitReport(report, /*warnings_fail=*/true), HasSubstr("failures=\"1\""));
  EXPECT_THAT(JunitReport(report, /*warnings_fail=*/true), HasSubstr("<failure type=\"RootUser\""));
}

TEST(ReportTest, AFilesNameNeedNotBeUtf8) {
  const LintReport report = ReportOf("{apiVersion: stockade.dev/v1alpha1, kind: X}", "a\xff.yaml");
  const Json json = Json::parse(JsonReport(report));
  EXPECT_EQ(json["objects"][0]["file"], "a\xEF\xBF\xBD.yaml");
  EXPECT_EQ(Json::parse(SarifReport(report))["version"], "2.1.0");
}

TEST(ReportTest, AFilesNameForgesNoLine) {
  const auto text_for = [](const std::string& source) {
    const LintReport report = ReportOf("{apiVersion: stockade.dev/v1alpha1, kind: X}", source);
    return TextReport(report, /*colour=*/false);
  };
  EXPECT_THAT(text_for("a b.yaml"), ::testing::StartsWith("a b.yaml:1:"));
  EXPECT_THAT(text_for("b\n::warning::y\x1b.yaml"),
              ::testing::StartsWith("\"b\\x0a::warning::y\\x1b.yaml\":1:"));
  // What a line of a workflow may not begin with either.
  for (const std::string name : {"::warning::y.yaml", "##[error]y.yaml", " ::y.yaml"}) {
    EXPECT_THAT(text_for(name), ::testing::StartsWith("\"" + name + "\":1:"));
  }
  EXPECT_THAT(Summary(ReportOf("{apiVersion: stockade.dev/v1alpha1, kind: \"X\\e[2J\"}")),
              HasSubstr("1 X\\x1b[2J judged"));
}

TEST(ReportTest, JunitIsXmlWhateverTheTextHolds) {
  const LintReport report = ReportWith(policy::Severity::kError,
                                       "a<b>&\"c\"\nd\x01\x1b"
                                       "e\xEF\xBF\xBE"
                                       "f");
  const std::string xml = JunitReport(report, /*warnings_fail=*/false);
  EXPECT_THAT(xml, HasSubstr("a&lt;b&gt;&amp;&quot;c&quot;&#10;d??e?f"));
}

TEST(ReportTest, TheSummaryCountsInWords) {
  EXPECT_EQ(Summary(ReportWith(policy::Severity::kError, "m")),
            "1 AgentSandbox judged: 1 error, 0 warnings\n");
  EXPECT_EQ(Summary(ReportOf("{apiVersion: v1, kind: ConfigMap}")),
            "nothing of Stockade's in 1 file, so nothing was judged; 1 object of another kind left "
            "alone\n");
  EXPECT_EQ(Summary(ReportOf("{replicas: 3}\n---\n[a]\n---\n{apiVersion: v2, name: chart}")),
            "nothing of Stockade's in 1 file, so nothing was judged; 3 documents that are no "
            "Kubernetes objects left alone\n");
}

}  // namespace
}  // namespace stockade::cli
