#include "cli/reasons.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "api/agent_sandbox.h"
#include "policy/rule.h"
#include "tests/source_dir.h"

namespace stockade::cli {
namespace {

std::string ReadSource(const std::string& path) {
  std::ifstream file(std::string(STOCKADE_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "## Conditions" of docs/agentsandbox.md.
std::string ConditionsChapter() {
  const std::string text = ReadSource("docs/agentsandbox.md");
  const std::size_t start = text.find("\n## Conditions");
  EXPECT_NE(start, std::string::npos);
  return text.substr(start);
}

// The reasons in the tables of docs/agentsandbox.md, "## Conditions", first column of Ready's and
// second of the others'.
std::set<std::string> DocumentedReasons() {
  const std::string text = ConditionsChapter();
  const std::size_t others = text.find("\n### The others");
  EXPECT_NE(others, std::string::npos);
  std::set<std::string> reasons;
  const auto collect = [&reasons](const std::string& part, const std::regex& pattern) {
    for (std::sregex_iterator it(part.begin(), part.end(), pattern), end; it != end; ++it) {
      reasons.insert((*it)[1].str());
    }
  };
  collect(text.substr(0, others), std::regex("\n\\| `([A-Za-z]+)` \\|"));
  // "| `X` | True, `A` or `B` |" and "| | False, `A` |".
  const std::string rest = text.substr(others);
  const std::regex cell("\n\\|[^|]*\\| (True|False|Unknown)[^|]*\\|");
  for (std::sregex_iterator it(rest.begin(), rest.end(), cell), end; it != end; ++it) {
    const std::string row = it->str();
    collect(row.substr(row.find('|', 3)), std::regex("`([A-Za-z]+)`"));
  }
  return reasons;
}

TEST(ReasonsTest, EveryDocumentedReasonIsExplained) {
  std::set<std::string> documented = DocumentedReasons();
  EXPECT_GT(documented.size(), 30U);
  documented.erase("Ready");          // "the reason of `Ready`"
  documented.erase("operatingMode");  // a field, in a meaning
  for (const std::string& code : documented) {
    EXPECT_TRUE(FindReason(code) != nullptr || policy::FindRule(code) != nullptr) << code;
  }
  for (const Reason& reason : Reasons()) {
    // The API server's default, before the operator has looked.
    if (reason.code == "Pending") continue;
    const std::string quoted = "`" + std::string(reason.code) + "`";
    EXPECT_TRUE(ConditionsChapter().find(quoted) != std::string::npos ||
                ReadSource("docs/policies.md").find(quoted) != std::string::npos ||
                ReadSource("docs/pools.md").find(quoted) != std::string::npos)
        << "docs/agentsandbox.md, docs/policies.md and docs/pools.md do not know " << reason.code;
  }
}

// What the operator's sources say of conditions: every word in quotation marks of those that make
// them is a reason, but for these.
TEST(ReasonsTest, EveryReasonOfTheOperatorIsExplained) {
  // Types and statuses of conditions; phases and reasons of pods and containers; kinds of objects;
  // a part of the API server's message.
  const std::set<std::string> others = {"Ready",
                                        "RuntimeHardened",
                                        "EgressIsolated",
                                        "CredentialsBrokered",
                                        "PolicyCompliant",
                                        "PodScheduled",
                                        "Finished",
                                        "Stalled",
                                        "PodOutdated",
                                        "ExpiresSoon",
                                        "True",
                                        "False",
                                        "Unknown",
                                        "Succeeded",
                                        "Failed",
                                        "Disrupted",
                                        "ImagePullBackOff",
                                        "ErrImagePull",
                                        "ErrImageNeverPull",
                                        "ImageInspectError",
                                        "RegistryUnavailable",
                                        "SignatureValidationFailed",
                                        "CrashLoopBackOff",
                                        "CreateContainerConfigError",
                                        "CreateContainerError",
                                        "RunContainerError",
                                        "PreCreateHookError",
                                        "PreStartHookError",
                                        "PostStartHookError",
                                        "Service",
                                        "ConfigMap",
                                        "Deployment",
                                        "NetworkPolicy",
                                        "Pod",
                                        "RuntimeClass",
                                        "PersistentVolumeClaim"};
  std::set<std::string> reasons;
  for (const char* name : {"create_errors", "egress_gateways", "pod_diagnosis", "policy_reconciler",
                           "reconcile_step", "sandbox_reconciler", "sandbox_status"}) {
    const std::string text = ReadSource("operator/" + std::string(name) + ".cc");
    ASSERT_FALSE(text.empty()) << name;
    const std::regex word("\"([A-Z][a-zA-Z]+)\"");
    for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) {
      if (!others.contains((*it)[1].str())) reasons.insert((*it)[1].str());
    }
  }
  // That of RuntimeHardened is the tier.
  for (const std::string_view tier : api::kIsolationNames) reasons.emplace(tier);
  EXPECT_GT(reasons.size(), 40U);
  for (const std::string& code : reasons) EXPECT_NE(FindReason(code), nullptr) << code;
}

// The words in quotation marks in the first column of the tables of docs/troubleshooting.md.
std::set<std::string> SymptomsOfTroubleshooting() {
  const std::string text = ReadSource("docs/troubleshooting.md");
  std::set<std::string> words;
  const std::regex row("\n\\|([^|]*)\\|");
  const std::regex word("`([A-Z][A-Za-z]+)`");
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    const std::string cell = (*it)[1].str();
    for (std::sregex_iterator found(cell.begin(), cell.end(), word); found != end; ++found) {
      words.insert((*found)[1].str());
    }
  }
  return words;
}

TEST(ReasonsTest, TroubleshootingLeadsFromEveryReason) {
  const std::set<std::string> words = SymptomsOfTroubleshooting();
  for (const Reason& reason : Reasons()) {
    EXPECT_TRUE(words.contains(std::string(reason.code)))
        << "docs/troubleshooting.md has no row for " << reason.code;
  }
}

TEST(ReasonsTest, TroubleshootingKnowsNoReasonThatIsNone) {
  const std::set<std::string> conditions = {
      "Ready",           "RuntimeHardened", "EgressIsolated", "PodScheduled", "CredentialsBrokered",
      "PolicyCompliant", "PodOutdated",     "Suspended",      "Stalled",      "ExpiresSoon"};
  for (const std::string& code : SymptomsOfTroubleshooting()) {
    EXPECT_TRUE(conditions.contains(code) || FindReason(code) != nullptr ||
                policy::FindRule(code) != nullptr)
        << code;
  }
}

TEST(ReasonsTest, EachCodeHasOneExplanation) {
  std::set<std::string_view> codes;
  for (const Reason& reason : Reasons()) {
    EXPECT_TRUE(codes.insert(reason.code).second) << reason.code;
    EXPECT_EQ(policy::FindRule(reason.code), nullptr) << reason.code;
    EXPECT_TRUE(reason.meaning.ends_with('.')) << reason.code;
  }
}

TEST(ReasonsTest, NextStepsNameTheSandbox) {
  const Reason* crash = FindReason("CrashLoop");
  ASSERT_NE(crash, nullptr);
  EXPECT_EQ(NextStep(*crash, "agents", "a"),
            "read its log: kubectl logs --previous -n agents asb-a");
  for (const Reason& reason : Reasons()) {
    EXPECT_EQ(NextStep(reason, "n", "a").find("{pod}"), std::string::npos) << reason.code;
    EXPECT_EQ(NextStep(reason, "n", "a").find("{name"), std::string::npos) << reason.code;
  }
}

}  // namespace
}  // namespace stockade::cli
