#pragma once

#include <string_view>

#include "policy/rule.h"

// How people and reports name what a rule says of itself.
namespace stockade::policy {

[[nodiscard]] std::string_view SeverityName(Severity severity);     // "error"
[[nodiscard]] std::string_view PrincipleName(Principle principle);  // "least privilege"

}  // namespace stockade::policy
