#include "canary/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <thread>

#include "sockets.h"

namespace stockade::canary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CheckTest : public ::testing::Test {
 protected:
  CheckTest() {
    options_.timeout = milliseconds(200);
    options_.interval = milliseconds(10);
    options_.open = gateway_.target();
  }

  Listener gateway_;
  CheckOptions options_;
};

TEST_F(CheckTest, IsShutWhenNothingOpensAndTheGatewayAnswers) {
  const ClosedPort closed;
  const SilentListener silent;
  const ClosedPort dns(SOCK_DGRAM);
  options_.shut = {closed.target(), silent.target(), dns.target()};
  const Report report = Check(options_);
  EXPECT_EQ(report.verdict, Verdict::kShut);
  EXPECT_THAT(report.open, IsEmpty());
  EXPECT_EQ(report.rounds, 1);
  EXPECT_GE(report.took, milliseconds(200));
}

TEST_F(CheckTest, NamesWhatIsOpenAfterAllRounds) {
  const ClosedPort closed;
  const Listener open;
  const UdpServer dns;
  options_.shut = {closed.target(), open.target(), dns.target()};
  options_.timeout = seconds(10);  // both answer at once, however busy the machine is
  options_.deadline = milliseconds(300);
  const Report report = Check(options_);
  EXPECT_EQ(report.verdict, Verdict::kOpen);
  EXPECT_THAT(report.open, ElementsAre(open.text(), dns.text()));
  EXPECT_GT(report.rounds, 1);
}

TEST_F(CheckTest, WaitsForPoliciesThatAreLate) {
  Listener late;
  options_.shut = {late.target()};
  options_.deadline = std::chrono::minutes(2);
  std::thread enforcement([&late] {
    late.AcceptOne();
    late.Close();
  });
  const Report report = Check(options_);
  enforcement.join();
  EXPECT_EQ(report.verdict, Verdict::kShut);
  EXPECT_GE(report.rounds, 2);
}

TEST_F(CheckTest, ProvesNothingWithoutAnAnswer) {
  const ClosedPort closed;
  const SilentListener silent;
  options_.shut = {closed.target()};
  options_.deadline = milliseconds(0);
  for (const auto& [gateway, error] : {std::pair(closed.target(), "Connection refused"),
                                       std::pair(silent.target(), "nothing came back")}) {
    options_.open = gateway;
    const Report report = Check(options_);
    EXPECT_EQ(report.verdict, Verdict::kUnanswered);
    EXPECT_EQ(report.address, gateway.text);
    EXPECT_EQ(report.error, error);
  }
}

TEST_F(CheckTest, WhatIsOpenIsSaidEvenWhenTheGatewayIsGone) {
  const ClosedPort closed;
  const Listener open;
  options_.open = closed.target();
  options_.shut = {open.target()};
  const Report report = CheckOnce(options_);
  EXPECT_EQ(report.verdict, Verdict::kOpen);
  EXPECT_THAT(report.open, ElementsAre(open.text()));
  EXPECT_EQ(report.address, "");
}

TEST_F(CheckTest, WaitsForAGatewayThatIsLate) {
  ClosedPort late;
  // It comes while the first round is under way.
  const UdpServer silent(1000, "127.0.0.1", [&late] { late.Listen(); });
  options_.open = late.target();
  options_.shut = {silent.target()};
  options_.deadline = std::chrono::minutes(2);
  const Report report = Check(options_);
  EXPECT_EQ(report.verdict, Verdict::kShut);
  EXPECT_GE(report.rounds, 2);
}

TEST_F(CheckTest, AGatewayThatGoesMeanwhileProvesNothing) {
  // Its backlog takes the first connection, and nobody takes it from there.
  const Listener once("127.0.0.1", 0);
  const ClosedPort closed;
  options_.open = once.target();
  options_.shut = {closed.target()};
  const Report report = CheckOnce(options_);
  EXPECT_EQ(report.verdict, Verdict::kUnanswered);
  EXPECT_EQ(report.error, "nothing came back");
}

TEST_F(CheckTest, WithoutAGatewayOnlyWhatIsShutCounts) {
  const ClosedPort closed;
  options_.open.reset();
  options_.shut = {closed.target()};
  EXPECT_EQ(Check(options_).verdict, Verdict::kShut);
}

TEST_F(CheckTest, AFaultOfThisMachineIsNoProof) {
  const ClosedPort closed;
  options_.open.reset();
  options_.shut = {closed.target()};
  options_.deadline = milliseconds(0);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Report report = Check(options_);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(report.verdict, Verdict::kUnknown);
  EXPECT_EQ(report.address, closed.text());
  EXPECT_EQ(report.error, "Too many open files");
}

}  // namespace
}  // namespace stockade::canary
