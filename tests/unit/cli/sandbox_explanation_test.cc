#include "cli/sandbox_explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace stockade::cli {
namespace {

using codec::Json;
using ::testing::HasSubstr;

// An operating system command, which sets a terminal's title, and a line of its own.
constexpr const char* kHostile = "x\x1b]0;title\x07\n::error::forged\u009b2J";
constexpr const char* kEscaped = "x\\x1b]0;title\\x07\\x0a::error::forged\\xc2\\x9b2J";

Json Condition(const std::string& type, const std::string& text) {
  return {{"type", type}, {"status", "False"}, {"reason", text}, {"message", text}};
}

TEST(SandboxExplanationTest, WhatAClusterSaysCannotControlATerminal) {
  const codec::JsonDocument sandbox = codec::ParseTrusted(
      Json{{"metadata", {{"name", "a"}, {"namespace", "n"}}},
           {"status",
            {{"conditions", Json::array({Condition("Ready", kHostile), Condition(kHostile, "")})},
             {"controls",
              Json::array({{{"name", kHostile}, {"state", "Declared"}, {"detail", kHostile}}})}}}});
  std::optional<codec::JsonDocument> pod = codec::ParseTrusted(Json{
      {"metadata", {{"name", "asb-a"}, {"namespace", "n"}, {"uid", "u"}}},
      {"spec", {{"nodeName", kHostile}, {"runtimeClassName", kHostile}}},
      {"status",
       {{"phase", "Running"},
        {"containerStatuses",
         Json::array(
             {{{"name", kHostile},
               {"restartCount", 2},
               {"state", {{"waiting", {{"reason", kHostile}, {"message", kHostile}}}}},
               {"lastState", {{"terminated", {{"exitCode", 1}, {"reason", kHostile}}}}}}})}}}});
  const Colours colours(/*enabled=*/false);
  const std::string text = ExplainSandbox(sandbox.root(), pod, {}, colours);
  EXPECT_THAT(text, HasSubstr(std::string("AgentSandbox n/a is not ready (") + kEscaped + ")"));
  EXPECT_THAT(text, HasSubstr(std::string("on node ") + kEscaped));
  EXPECT_THAT(text, HasSubstr(std::string("container \"") + kEscaped));
  EXPECT_EQ(std::ranges::count_if(text, [](char c) { return c != '\n' && c > 0 && c < 0x20; }), 0)
      << text;
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_EQ(text.find("\n::"), std::string::npos);
}

}  // namespace
}  // namespace stockade::cli
