#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "tests/unit/policy/without_rule.h"

// The tests of the rules, and what the mutation check (hack/mutate) asks of them:
//   --list-rules          prints the codes of the rules that can be taken out, a line each
//   --without-rule=CODE   runs the tests as if that rule had been taken out of the table; the exit
//                         code is 3 when there is no such rule
// The guards' tests have the same (tests/unit/webhook).
int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  constexpr std::string_view kWithout = "--without-rule=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--list-rules") {
      for (const std::string_view code : stockade::policy::RulesToTakeOut()) {
        std::printf("%.*s\n", static_cast<int>(code.size()), code.data());
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
