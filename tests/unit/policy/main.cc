#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "policy/rule.h"
#include "tests/unit/policy/without_rule.h"

// The tests of the rules, and what the mutation check (hack/mutate) asks of them:
//   --list-rules          prints the codes of the rules that have a check, a line each
//   --without-rule=CODE   runs the tests as if that rule had been taken out of the table; the exit
//                         code is 3 when there is no such rule
int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  constexpr std::string_view kWithout = "--without-rule=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--list-rules") {
      for (const stockade::policy::Rule* rule : stockade::policy::Rules()) {
        if (rule->check == nullptr && rule->check_by_policy == nullptr) continue;
        std::printf("%.*s\n", static_cast<int>(rule->code.size()), rule->code.data());
      }
      return 0;
    }
    if (!argument.starts_with(kWithout) ||
        !stockade::policy::TakeOutRule(argument.substr(kWithout.size()))) {
      std::fprintf(stderr, "%s: no such option, or no such rule\n", argv[i]);
      return 3;
    }
  }
  return RUN_ALL_TESTS();
}
