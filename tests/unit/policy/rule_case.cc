#include "tests/unit/policy/rule_case.h"

#include <gmock/gmock.h>

#include <array>

#include "codec/json.h"
#include "tests/unit/policy/objects.h"

namespace stockade::policy {
namespace {

using codec::Json;
using ::testing::ElementsAreArray;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

void Apply(const std::vector<Edit>& edits, Json& target) {
  for (const Edit& edit : edits) {
    target[Json::json_pointer(edit.pointer)] = Json::parse(edit.json);
  }
}

struct Position {
  const char* name;
  const char* list;
  std::size_t index;
  const char* restart_policy;  // of a sidecar, or null
};

// The ordinary one stands behind another, so that no rule gets by with looking at the first.
constexpr std::array<Position, 4> kPositions = {{{"init", "initContainers", 0, nullptr},
                                                 {"sidecar", "initContainers", 0, "Always"},
                                                 {"ordinary", "containers", 1, nullptr},
                                                 {"ephemeral", "ephemeralContainers", 0, nullptr}}};

std::vector<Finding> OfRule(const std::vector<Finding>& findings, std::string_view code) {
  std::vector<Finding> result;
  for (const Finding& finding : findings) {
    if (finding.code == code) result.push_back(finding);
  }
  return result;
}

// `allowed` is the code of an error that comes with the position and not with the case.
void Expect(const RuleCase& c, const std::vector<Finding>& findings, std::string_view prefix,
            std::string_view allowed = {}) {
  const Rule* rule = FindRule(c.code);
  ASSERT_NE(rule, nullptr);
  std::vector<std::string> expected;
  for (const std::string& field : c.fields) {
    // "containers[1].image", but "containers[1][key]".
    const std::size_t dot = field.starts_with('[') && !prefix.empty() ? 1 : 0;
    expected.push_back(std::string(prefix.substr(0, prefix.size() - dot)) + field);
  }
  std::vector<std::string> found;
  for (const Finding& finding : OfRule(findings, c.code)) {
    found.push_back(finding.field);
    EXPECT_EQ(finding.severity, rule->severity);
    EXPECT_THAT(finding.message,
                EndsWith("; " + std::string(c.remedy.empty() ? rule->remedy : c.remedy)));
    EXPECT_GT(finding.message.find("; "), 0U) << "says what to do, but not what is wrong";
  }
  EXPECT_THAT(found, ElementsAreArray(expected)) << Describe(findings);
  if (!c.fields.empty()) return;
  std::vector<std::string> errors;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError && finding.code != allowed) {
      errors.push_back(std::string(finding.code) + " " + finding.field);
    }
  }
  EXPECT_THAT(errors, IsEmpty()) << Describe(findings);
}

// Puts the container of the case into a position and says what its paths begin with.
std::string PutContainer(const RuleCase& c, const Position& position, Json container,
                         std::string_view pod_path, Json& pod_spec) {
  if (position.restart_policy != nullptr) container["restartPolicy"] = position.restart_policy;
  Apply(c.edits, container);
  pod_spec[position.list][position.index] = std::move(container);
  return std::string(pod_path) + position.list + "[" + std::to_string(position.index) + "].";
}

void JudgeInEveryPosition(const RuleCase& c, bool rendered) {
  for (const Position& position : kPositions) {
    SCOPED_TRACE(position.name);
    Json object = rendered ? HardenedPod() : PlainSandbox();
    Json& pod_spec = rendered ? object["spec"] : object["spec"]["podTemplate"]["spec"];
    // Volumes for the cases that mount something.
    pod_spec["volumes"] = Json::parse(R"([
      {"name": "scratch", "emptyDir": {}},
      {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}},
      {"name": "read-only-claim",
       "persistentVolumeClaim": {"claimName": "data", "readOnly": true}}])");
    const std::string prefix = PutContainer(
        c, position, rendered ? HardenedContainer("subject") : PlainContainer("subject"),
        rendered ? "spec." : "spec.podTemplate.spec.", pod_spec);
    const auto findings = rendered ? JudgePod(object) : JudgeSandbox(object);
    const bool ephemeral = position.list == std::string_view("ephemeralContainers");
    Expect(c, findings, prefix, ephemeral ? "EphemeralContainer" : "");
  }
}

void JudgePodForm(const RuleCase& c, bool rendered) {
  Json object = rendered ? HardenedPod() : PlainSandbox();
  Apply(c.edits, rendered ? object : object["spec"]["podTemplate"]);
  Expect(c, rendered ? JudgePod(object) : JudgeSandbox(object),
         rendered ? "" : "spec.podTemplate.");
}

TEST_P(RuleCaseTest, IsJudged) {
  const RuleCase& c = GetParam();
  const Rule* rule = FindRule(c.code);
  ASSERT_NE(rule, nullptr) << "there is no such rule";
  if (c.scope == Scope::kSandbox) {
    ASSERT_NE(rule->judges, JudgedObject::kRenderedPod);
    ASSERT_NE(c.form, Form::kRenderedOnly);
    Json sandbox = PlainSandbox();
    Apply(c.edits, sandbox);
    Expect(c, JudgeSandbox(sandbox), "");
    return;
  }
  for (const bool rendered : {false, true}) {
    if (rule->judges == (rendered ? JudgedObject::kSandbox : JudgedObject::kRenderedPod)) continue;
    if (c.form == (rendered ? Form::kSandboxOnly : Form::kRenderedOnly)) continue;
    SCOPED_TRACE(rendered ? "rendered pod" : "sandbox");
    if (c.scope == Scope::kContainer) {
      JudgeInEveryPosition(c, rendered);
    } else {
      JudgePodForm(c, rendered);
    }
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const RuleCase& rule_case) {
  return out << rule_case.code << "_" << rule_case.name;
}

std::string CaseName(const ::testing::TestParamInfo<RuleCase>& param_info) {
  return std::string(param_info.param.code) + "_" + std::string(param_info.param.name);
}

std::vector<RuleCase> AllCases() {
  std::vector<RuleCase> all;
  for (const auto* table :
       {&AgentSettingsCases(), &ContainerCases(), &CredentialCases(), &EgressCases(),
        &EgressCredentialCases(), &EnvCases(), &IdentityCases(), &ImageCases(), &MetadataCases(),
        &MountCases(), &PodCases(), &ReservedCases(), &ResourceCases(), &ReviewedFieldCases(),
        &SandboxCases(), &SchedulingCases(), &SecurityContextCases(), &VolumeCases(),
        &VolumeMountCases()}) {
    all.insert(all.end(), table->begin(), table->end());
  }
  return all;
}

}  // namespace stockade::policy
