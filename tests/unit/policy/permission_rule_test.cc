#include "policy/permission_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace stockade::policy {
namespace {

using api::PermissionList;
using ::testing::HasSubstr;

constexpr PermissionList kEveryList[] = {PermissionList::kAllow, PermissionList::kAsk,
                                         PermissionList::kDeny};

struct Reading {
  const char* text;
  const char* tool;
  const char* specifier;
};

TEST(PermissionRuleTest, ReadsToolAndSpecifier) {
  const std::vector<Reading> readings = {
      {"Bash", "Bash", ""},
      {"Bash(*)", "Bash", ""},
      {"Bash(npm test *)", "Bash", "npm test *"},
      {"Bash(npm test:*)", "Bash", "npm test:*"},
      {"Bash(echo (a) b)", "Bash", "echo (a) b"},
      {R"(Bash(grep \(a\) *))", "Bash", R"(grep \(a\) *)"},
      {"Read(//etc/**)", "Read", "//etc/**"},
      {"Edit(~/.config/x)", "Edit", "~/.config/x"},
      {"Read(./.env)", "Read", "./.env"},
      {"WebFetch(domain:example.com)", "WebFetch", "domain:example.com"},
      {"WebFetch(domain:*.example.com)", "WebFetch", "domain:*.example.com"},
      {"WebFetch(domain:169.254.169.254)", "WebFetch", "domain:169.254.169.254"},
      {"WebSearch", "WebSearch", ""},
      {"WebSearch(kubernetes)", "WebSearch", "kubernetes"},
      {"Agent(reviewer)", "Agent", "reviewer"},
      {"Skill(plugin:deploy *)", "Skill", "plugin:deploy *"},
      {"mcp__github", "mcp__github", ""},
      {"mcp__github__get_issue", "mcp__github__get_issue", ""},
      {"mcp__github__get_*", "mcp__github__get_*", ""},
  };
  for (const auto& [text, tool, specifier] : readings) {
    for (const PermissionList list : kEveryList) {
      const auto rule = ParsePermissionRule(text, list);
      ASSERT_TRUE(rule.ok()) << text << ": " << rule.status().message();
      EXPECT_EQ(rule->tool, tool) << text;
      EXPECT_EQ(rule->specifier, specifier) << text;
    }
  }
}

TEST(PermissionRuleTest, SaysWhatIsWrongAndWhatToWrite) {
  struct Mistake {
    const char* text;
    const char* problem;
  };
  const std::vector<Mistake> mistakes = {
      {"", "names no tool"},
      {"(ls)", "names no tool"},
      {"bash", "lower-case"},
      {"bash(ls)", "lower-case"},
      {"Bash(ls", "does not end"},
      {"Bash(ls) ", "does not end"},
      {"Bash(ls), Edit", "does not end"},
      {"Bash)", "without its"},
      {"Ba)sh(ls)", "does not end"},
      {"Bash()", "nothing between"},
      {"Bash( )", "nothing between"},
      {"Bash, Edit", "character"},
      {" Bash", "character"},
      {"Bash(ls\nrm)", "control character"},
      {R"(Bash(\(a b())", "escaped parenthesis"},
      {"Bash(:*)", "no command"},
      {"Edit(src:*)", "only commands have"},
      {"Read(/src/:*)", "only commands have"},
      {"WebFetch(https://example.com/)", "no domain"},
      {"WebFetch(example.com)", "no domain"},
      {"WebFetch(domain:)", "no host"},
      {"WebFetch(domain:https://example.com)", "no host"},
      {"WebFetch(domain:example.com/docs)", "no host"},
      {"WebSearch(kube*)", "wildcard"},
      {"mcp__", "names no server"},
      {"mcp____tool", "names no server"},
      {"mcp__github(*)", "parentheses"},
      {"mcp__github__get_issue(1)", "parentheses"},
  };
  for (const auto& [text, problem] : mistakes) {
    for (const PermissionList list : kEveryList) {
      const auto rule = ParsePermissionRule(text, list);
      ASSERT_FALSE(rule.ok()) << text;
      EXPECT_THAT(rule.status().message(), HasSubstr(problem)) << text;
      EXPECT_THAT(rule.status().message(), HasSubstr("; ")) << text;
    }
  }
}

TEST(PermissionRuleTest, OnlyAskAndDenyTakeWildcardsInNamesAndFieldsOfCalls) {
  for (const char* text : {"*", "mcp__*", "mcp__git*__push", "Web*", "Agents(model:opus)"}) {
    EXPECT_FALSE(ParsePermissionRule(text, PermissionList::kAllow).ok()) << text;
    EXPECT_TRUE(ParsePermissionRule(text, PermissionList::kAsk).ok()) << text;
    EXPECT_TRUE(ParsePermissionRule(text, PermissionList::kDeny).ok()) << text;
  }
}

PermissionRule Rule(std::string_view text) {
  const auto rule = ParsePermissionRule(text, PermissionList::kDeny);
  EXPECT_TRUE(rule.ok()) << text << ": " << rule.status().message();
  return rule.ok() ? *rule : PermissionRule{};
}

TEST(PermissionRuleTest, KnowsWhatIsNeverAsked) {
  for (const char* text :
       {"Write(/src/**)", "NotebookEdit(*.ipynb)", "MultiEdit(//etc/**)", "Glob(**/*.pem)",
        "Bash(command:rm *)", "Read(file_path:/etc/shadow)", "Edit(file_path:/x)"}) {
    const auto problem = IgnoredProblem(Rule(text));
    ASSERT_TRUE(problem) << text;
    EXPECT_THAT(*problem, HasSubstr("; write ")) << text;
  }
  EXPECT_THAT(*IgnoredProblem(Rule("Write(/src/**)")), HasSubstr("write Edit(/src/**)"));
  EXPECT_THAT(*IgnoredProblem(Rule("Glob(**/*.pem)")), HasSubstr("write Read(**/*.pem)"));
  for (const char* text : {"Write", "Glob", "Edit(/src/**)", "Bash(rm *)", "Agent(reviewer)"}) {
    EXPECT_FALSE(IgnoredProblem(Rule(text))) << text;
  }
}

TEST(PermissionRuleTest, KnowsWhatLetsThroughAnything) {
  for (const char* text : {"Bash",
                           "Bash(*)",
                           "Bash(* )",
                           "Bash( *)",
                           "Bash(*ls)",
                           "Bash(n* test)",
                           "Bash(bash *)",
                           "Bash(bash -c *)",
                           "Bash(bash:*)",
                           "Bash(sh -c *)",
                           "Bash(/bin/sh *)",
                           "Bash(python3 *)",
                           "Bash(python3.11 *)",
                           "Bash(/usr/bin/python3.11 -c *)",
                           "Bash(python *)",
                           "Bash(python3 -m *)",
                           "Bash(node -e *)",
                           "Bash(perl -e*)",
                           "Bash(eval *)",
                           "Bash(exec *)",
                           "Bash(xargs *)",
                           "Bash(xargs rm *)",
                           "Bash(find . -name *)",
                           "Bash(ssh host *)",
                           "Bash(sudo -u agent *)",
                           "Bash(env *)",
                           "Bash(npx *)",
                           "Bash(. *)",
                           "Bash(source *)",
                           "Bash(timeout 10 bash *)",
                           "Bash(nice -n 5 sh *)",
                           "Bash(X=1 bash -c *)",
                           "Bash(X=* ls)",
                           "Bash(awk *)",
                           "PowerShell",
                           "WebFetch",
                           "WebFetch(*)",
                           "WebFetch(domain:*)",
                           "Edit",
                           "Write",
                           "Edit(//**)",
                           "Edit(~/**)"}) {
    EXPECT_TRUE(BroadProblem(Rule(text))) << text;
  }
  for (const char* text : {"Bash(ls *)",
                           "Bash(git status *)",
                           "Bash(npm run test:*)",
                           "Bash(npm test)",
                           "Bash(python3 -m pytest *)",
                           "Bash(python3 manage.py test *)",
                           "Bash(python3 --version)",
                           "Bash(bash scripts/build.sh *)",
                           "Bash(npx prettier *)",
                           "Bash(find . -name a)",
                           "Bash(timeout 10 ls *)",
                           "Bash(X=1 make *)",
                           R"(Bash(python3 -c \*))",
                           "Edit(/src/**)",
                           "Edit(**)",
                           "Read",
                           "Read(//**)",
                           "Grep",
                           "WebSearch",
                           "WebFetch(domain:example.com)",
                           "mcp__github__*"}) {
    EXPECT_FALSE(BroadProblem(Rule(text))) << text << ": " << BroadProblem(Rule(text)).value_or("");
  }
}

TEST(PermissionRuleTest, ARuleCoversItselfAndAWholeToolAllOfItsCalls) {
  struct Pair {
    const char* other;
    const char* rule;
    bool covers;
  };
  const std::vector<Pair> pairs = {
      {"Bash(curl *)", "Bash(curl *)", true},
      {"Bash(curl:*)", "Bash(curl *)", true},
      {"Bash", "Bash(curl *)", true},
      {"Bash(*)", "Bash(curl *)", true},
      {"*", "Bash(curl *)", true},
      {"Web*", "WebFetch(domain:a.b)", true},
      {"mcp__github", "mcp__github__push", true},
      {"mcp__*", "mcp__github", true},
      {"Bash(curl *)", "Bash", false},
      {"Bash(wget *)", "Bash(curl *)", false},
      {"Edit", "Bash(curl *)", false},
      {"mcp__git", "mcp__github__push", false},
      {"Web*", "Bash", false},
  };
  for (const auto& [other, rule, covers] : pairs) {
    EXPECT_EQ(CoversDenied(Rule(other), Rule(rule)), covers) << other << " of " << rule;
  }
}

TEST(PermissionRuleTest, GlobsMatchAnyText) {
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("a*c*", "abcd"));
  EXPECT_TRUE(MatchesGlob("*a*a", "aXaYa"));
  EXPECT_FALSE(MatchesGlob("a", ""));
  EXPECT_FALSE(MatchesGlob("a*c", "abcd"));
  EXPECT_FALSE(MatchesGlob("", "a"));
}

TEST(PermissionRuleTest, NamesTheHostThatIsFetched) {
  EXPECT_EQ(FetchedHost(Rule("WebFetch(domain:a.example)")), "a.example");
  EXPECT_EQ(FetchedHost(Rule("WebFetch")), "");
  EXPECT_EQ(FetchedHost(Rule("Bash(domain:a.example)")), "");
}

// ---- Of any text at all

std::string RandomText(std::mt19937& random) {
  static const std::vector<std::string> pieces = {
      "Bash", "Edit", "Write", "WebFetch", "mcp__",   "mcp__a__b", "(",       ")",
      "*",    ":*",   " ",     "\\",       "domain:", "a.example", "python3", "-c",
      "//",   "~",    "=",     "x",        "_",       "\n",        "sudo",    "timeout"};
  std::string text;
  const std::size_t length = random() % 9;
  for (std::size_t i = 0; i < length; ++i) text += pieces[random() % pieces.size()];
  return text;
}

TEST(PermissionRuleTest, WhatIsReadIsReadAgainAsTheSame) {
  std::mt19937 random(11);
  int rules = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string text = RandomText(random);
    for (const PermissionList list : kEveryList) {
      const auto rule = ParsePermissionRule(text, list);
      if (!rule.ok()) {
        EXPECT_THAT(rule.status().message(), HasSubstr("; ")) << text;
        continue;
      }
      ++rules;
      const auto again = ParsePermissionRule(rule->Text(), list);
      ASSERT_TRUE(again.ok()) << text << " as " << rule->Text() << ": " << again.status().message();
      EXPECT_EQ(again->Text(), rule->Text()) << text;
      EXPECT_TRUE(CoversDenied(*rule, *again)) << text;
      // What allow takes, the stricter lists take too.
      if (list == PermissionList::kAllow) {
        EXPECT_TRUE(ParsePermissionRule(text, PermissionList::kDeny).ok()) << text;
      }
      (void)IgnoredProblem(*rule);
      (void)BroadProblem(*rule);
    }
  }
  EXPECT_GT(rules, 1000);
}

TEST(PermissionRuleTest, WhoeverAllowsMoreIsBroadToo) {
  // A wildcard in the place of a command's words never makes a broad rule narrow.
  for (const char* command : {"bash -c ", "python3 ", "ssh host ", "eval ", "xargs "}) {
    EXPECT_TRUE(BroadProblem(Rule("Bash(" + std::string(command) + "*)"))) << command;
    EXPECT_TRUE(BroadProblem(Rule("Bash(timeout 5 " + std::string(command) + "*)"))) << command;
    EXPECT_TRUE(BroadProblem(Rule("Bash(A=b " + std::string(command) + "*)"))) << command;
    EXPECT_TRUE(BroadProblem(Rule("Bash(/usr/bin/" + std::string(command) + "*)"))) << command;
  }
}

}  // namespace
}  // namespace stockade::policy
