#include "operator/policy_verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stockade::sandbox_operator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class VerdictMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    memory_.NotifyTo([this](const std::string& policy) { told_.push_back(policy); });
  }
  std::vector<std::string> Told() { return std::exchange(told_, {}); }

  VerdictMemory memory_;
  std::vector<std::string> told_;
  const runtime::ObjectKey a_{"n", "a"};
};

TEST_F(VerdictMemoryTest, KnowsWhatWasSaidByThatVersionOfThePolicy) {
  memory_.Record(a_, {{"p", "u", 1, true}, {"q", "v", 4, false}});
  EXPECT_EQ(memory_.Violates(a_, "p", "u", 1), true);
  EXPECT_EQ(memory_.Violates(a_, "q", "v", 4), false);
  EXPECT_EQ(memory_.Violates(a_, "p", "u", 2), std::nullopt);
  EXPECT_EQ(memory_.Violates(a_, "p", "another", 1), std::nullopt);
  EXPECT_EQ(memory_.Violates({"n", "b"}, "p", "u", 1), std::nullopt);
}

TEST_F(VerdictMemoryTest, TellsOfPoliciesWhoseVerdictChanged) {
  memory_.Record(a_, {{"q", "v", 1, false}, {"p", "u", 1, true}});
  EXPECT_THAT(Told(), ElementsAre("p", "q"));
  memory_.Record(a_, {{"p", "u", 1, true}, {"q", "v", 1, false}});
  EXPECT_THAT(Told(), IsEmpty());
  memory_.Record(a_, {{"p", "u", 1, false}, {"q", "v", 1, false}});
  EXPECT_THAT(Told(), ElementsAre("p"));
  memory_.Record(a_, {{"p", "u", 2, false}});
  EXPECT_THAT(Told(), ElementsAre("p", "q"));
}

TEST_F(VerdictMemoryTest, KeepsNothingOfASandboxThatNoPolicyJudges) {
  memory_.Record(a_, {});
  EXPECT_EQ(memory_.size(), 0U);
  EXPECT_THAT(Told(), IsEmpty());
  memory_.Record(a_, {{"p", "u", 1, true}});
  EXPECT_EQ(memory_.size(), 1U);
  Told();
  memory_.Forget(a_);
  EXPECT_EQ(memory_.size(), 0U);
  EXPECT_THAT(Told(), ElementsAre("p"));
  EXPECT_EQ(memory_.Violates(a_, "p", "u", 1), std::nullopt);
}

}  // namespace
}  // namespace stockade::sandbox_operator
