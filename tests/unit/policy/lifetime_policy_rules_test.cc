#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/policy/policies.h"
#include "tests/unit/policy/policy_cases.h"

// The rules that judge lifetimes by policies. Their table is run by policy_rules_test.cc.
namespace stockade::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kTooLong = "LifetimeTooLong spec.lifecycle.";

std::string Lifecycle(const std::string& fields) { return "lifecycle: {" + fields + "}"; }

}  // namespace

std::vector<PolicyCase> LifetimePolicyCases() {
  const std::string required = "lifetime: {required: true}";
  const std::string hour = "lifetime: {maxSeconds: 3600}";
  const std::string time = "shutdownTime: '2026-01-01T01:00:00Z'";
  return {
      {"NothingAsked", "lifetime: {required: false}", "", {}},
      {"NoEndWhereOneIsRequired", required, "", {"LifetimeRequired spec.lifecycle"}},
      {"ARestartIsNoEnd",
       required,
       Lifecycle("restart: {maxAttempts: 1}, shutdownPolicy: Delete"),
       {"LifetimeRequired spec.lifecycle"}},
      {"AnyTimeIsAnEnd", required, Lifecycle(time), {}},
      {"AnyLifetimeIsAnEnd", required, Lifecycle("maxLifetimeSeconds: 300000000"), {}},
      {"NoEndWhereThereIsALongest", hour, "", {"LifetimeRequired spec.lifecycle"}},
      {"TheLongest", hour, Lifecycle("maxLifetimeSeconds: 3600"), {}},
      {"LongerThanTheLongest",
       hour,
       Lifecycle("maxLifetimeSeconds: 3601"),
       {std::string(kTooLong) + "maxLifetimeSeconds"}},
      {"AFileDoesNotTellWhenItsTimeIs", hour, Lifecycle(time), {}},
      {"NorWhichOfTwoEndsIsEarlier", hour, Lifecycle("maxLifetimeSeconds: 9000, " + time), {}},
  };
}

namespace {

std::vector<std::string> Found(const std::string& policy, const std::string& lifecycle) {
  codec::Json sandbox = SandboxWith(lifecycle);
  sandbox["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  return Summaries(JudgeByPolicies(sandbox, {MakePolicy("p", policy)}));
}

TEST(LifetimePolicyRulesTest, OfASandboxThatExistsTheEarlierEndCounts) {
  const std::string hour = "lifetime: {maxSeconds: 3600}";
  const auto time = [](const std::string& text) {
    return "shutdownTime: '2026-01-01T" + text + "Z'";
  };
  EXPECT_THAT(Found(hour, Lifecycle(time("01:00:00"))), IsEmpty());
  EXPECT_THAT(Found(hour, Lifecycle(time("01:00:01"))),
              ElementsAre("p LifetimeTooLong spec.lifecycle.shutdownTime"));
  EXPECT_THAT(Found(hour, Lifecycle(time("02:00:00") + ", maxLifetimeSeconds: 3600")), IsEmpty());
  EXPECT_THAT(Found(hour, Lifecycle(time("00:30:00") + ", maxLifetimeSeconds: 9000")), IsEmpty());
  EXPECT_THAT(Found(hour, Lifecycle(time("02:00:00") + ", maxLifetimeSeconds: 9000")),
              ElementsAre("p LifetimeTooLong spec.lifecycle.shutdownTime"));
  EXPECT_THAT(Found(hour, Lifecycle(time("04:00:00") + ", maxLifetimeSeconds: 9000")),
              ElementsAre("p LifetimeTooLong spec.lifecycle.maxLifetimeSeconds"));
}

}  // namespace
}  // namespace stockade::policy
