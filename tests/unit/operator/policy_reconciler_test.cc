#include "operator/policy_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/policies.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using policy::CompiledPolicy;
using ::testing::HasSubstr;

const auto kNow = std::chrono::system_clock::from_time_t(1767225600);

TEST(PolicyStatusTest, HoldsTheCountsAndThatThePolicyIsApplied) {
  const auto policy = policy::MakePolicy("p", "minimumIsolation: GVisor");
  const Json status =
      ComputePolicyStatus(*policy, {.selected = 5, .violating = 2, .unjudged = 0}, nullptr, kNow);
  EXPECT_EQ(status["observedGeneration"], 1);
  EXPECT_EQ(status["selectedSandboxes"], 5);
  EXPECT_EQ(status["violatingSandboxes"], 2);
  ASSERT_EQ(status["conditions"].size(), 1U);
  const Json& ready = status["conditions"][0];
  EXPECT_EQ(ready["type"], "Ready");
  EXPECT_EQ(ready["status"], "True");
  EXPECT_EQ(ready["reason"], "Applied");
  EXPECT_EQ(ready["lastTransitionTime"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(ready["observedGeneration"], 1);
}

TEST(PolicyStatusTest, SaysWhatIsWrongWithAPolicy) {
  const auto policy = CompiledPolicy::Compile(
      policy::PolicyObject("p", "images: {allowedRegistries: [acme]}").root());
  const Json ready = ComputePolicyStatus(*policy, {}, nullptr, kNow)["conditions"][0];
  EXPECT_EQ(ready["status"], "False");
  EXPECT_EQ(ready["reason"], "Invalid");
  EXPECT_THAT(ready["message"].get<std::string>(), HasSubstr("spec.images.allowedRegistries[0]"));
}

TEST(PolicyStatusTest, KeepsTheTimeOfTheTransition) {
  const auto policy = policy::MakePolicy("p", "minimumIsolation: GVisor");
  const Json before = ComputePolicyStatus(*policy, {}, nullptr, kNow);
  const auto later = kNow + std::chrono::hours(1);
  EXPECT_EQ(ComputePolicyStatus(*policy, {}, before, later), before);
  const auto broken = CompiledPolicy::Compile(policy::PolicyObject("p", "enforcement: 7").root());
  EXPECT_EQ(ComputePolicyStatus(*broken, {}, before, later)["conditions"][0]["lastTransitionTime"],
            "2026-01-01T01:00:00Z");
}

}  // namespace
}  // namespace stockade::sandbox_operator
