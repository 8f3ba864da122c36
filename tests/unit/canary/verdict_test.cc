#include "canary/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace stockade::canary {
namespace {

using ::testing::HasSubstr;

TEST(VerdictTest, IsOneLineOfJson) {
  Report report;
  report.verdict = Verdict::kShut;
  report.rounds = 1;
  report.took = std::chrono::milliseconds(205);
  EXPECT_EQ(ToJson(report), R"({"verdict":"Shut","rounds":1,"milliseconds":205})");
  EXPECT_EQ(ToSentence(report), "the network is shut");

  report.verdict = Verdict::kOpen;
  report.open = {"tcp://10.96.0.1:443", "udp://10.96.0.10:53"};
  EXPECT_EQ(ToJson(report),
            R"({"verdict":"Open","open":["tcp://10.96.0.1:443","udp://10.96.0.10:53"],)"
            R"("rounds":1,"milliseconds":205})");
  EXPECT_THAT(ToSentence(report),
              HasSubstr("tcp://10.96.0.1:443, udp://10.96.0.10:53 can be reached"));

  report = {};
  report.verdict = Verdict::kUnanswered;
  report.address = "tcp://10.0.0.5:8443";
  report.error = "nothing came back";
  EXPECT_EQ(ToJson(report), R"({"verdict":"Unanswered","address":"tcp://10.0.0.5:8443",)"
                            R"("error":"nothing came back","rounds":0,"milliseconds":0})");
  EXPECT_THAT(ToSentence(report),
              HasSubstr("tcp://10.0.0.5:8443 does not answer (nothing came back)"));
  report.verdict = Verdict::kUnknown;
  report.error = "quote \" backslash \\ newline \n end";
  EXPECT_THAT(ToJson(report), HasSubstr(R"("error":"quote \" backslash \\ newline  end")"));
}

TEST(VerdictTest, FitsIntoATerminationMessage) {
  Report report;
  report.verdict = Verdict::kOpen;
  for (int i = 0; i < 64; ++i) {
    report.open.push_back("tcp://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
  }
  EXPECT_LT(ToJson(report).size(), 4096U);
}

TEST(VerdictTest, EachHasItsExitCode) {
  EXPECT_EQ(ExitCode(Verdict::kShut), 0);
  EXPECT_EQ(ExitCode(Verdict::kOpen), 1);
  EXPECT_EQ(ExitCode(Verdict::kUnanswered), 3);
  EXPECT_EQ(ExitCode(Verdict::kUnknown), 4);
}

}  // namespace
}  // namespace stockade::canary
