#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/lint.h"

namespace stockade::cli {

// A finding that a manifest expects of itself: "# expect: CODE [FIELD]".
struct Expectation {
  std::string code;
  std::string field;  // empty: at any field
};

// From the comments of a document. BadRequest for a line that names no known code, or "none" beside
// others.
[[nodiscard]] Result<std::vector<Expectation>> ReadExpectations(std::string_view comments);

// What was found and not expected, or expected and not found, one line each; nothing when all is as
// expected. Each finding meets one expectation, and what a policy in Audit records needs none.
[[nodiscard]] std::vector<std::string> CompareWithExpectations(
    const LintedObject& linted, const std::vector<Expectation>& expected);

}  // namespace stockade::cli
