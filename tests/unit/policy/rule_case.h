#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/evaluate.h"
#include "policy/rule.h"

// The cases of the rules: each breaks, or nearly breaks, one rule in an otherwise clean object.
// Each file of rules has a file of cases beside this one, and rules_test.cc sees to it that no rule
// is without cases.
namespace stockade::policy {

// What the case edits, and where the paths of its edits and of its findings begin.
enum class Scope {
  kContainer,  // a container; tried in every position of a pod
  kPod,        // {"metadata": ..., "spec": ...} of the pod
  kSandbox,    // the whole AgentSandbox
};

// In which form the object is judged. kAny: in each that the rule names.
enum class Form { kAny, kSandboxOnly, kRenderedOnly };

struct Edit {
  const char* pointer;  // RFC 6901: "/spec/volumes/0/name"
  const char* json;     // what is put there
};

struct RuleCase {
  std::string_view code;
  std::string_view name;
  Scope scope = Scope::kPod;
  std::vector<Edit> edits;
  // The fields of the rule's findings, in order: "spec.hostPID", "ports[0].hostPort" of a
  // container, "spec.mounts[0].name" of a sandbox. Empty when the object passes: then no rule finds
  // an error.
  std::vector<std::string> fields = {};
  Form form = Form::kAny;
  // What the messages end with where it is not the rule's own remedy.
  std::string_view remedy = {};
};

std::ostream& operator<<(std::ostream& out, const RuleCase& rule_case);

// "HostNamespace_HostPid".
std::string CaseName(const ::testing::TestParamInfo<RuleCase>& param_info);

class RuleCaseTest : public ::testing::TestWithParam<RuleCase> {};

// The tables, one for each file of rules.
const std::vector<RuleCase>& AgentSettingsCases();
const std::vector<RuleCase>& ContainerCases();
const std::vector<RuleCase>& CredentialCases();
const std::vector<RuleCase>& EgressCases();
const std::vector<RuleCase>& EgressCredentialCases();
const std::vector<RuleCase>& EnvCases();
const std::vector<RuleCase>& IdentityCases();
const std::vector<RuleCase>& ImageCases();
const std::vector<RuleCase>& MetadataCases();
const std::vector<RuleCase>& MountCases();
const std::vector<RuleCase>& PodCases();
const std::vector<RuleCase>& ReservedCases();
const std::vector<RuleCase>& ResourceCases();
const std::vector<RuleCase>& ReviewedFieldCases();
const std::vector<RuleCase>& SandboxCases();
const std::vector<RuleCase>& SchedulingCases();
const std::vector<RuleCase>& SecurityContextCases();
const std::vector<RuleCase>& VolumeCases();
const std::vector<RuleCase>& VolumeMountCases();

// All of them.
std::vector<RuleCase> AllCases();

}  // namespace stockade::policy
