#pragma once

#include <string>
#include <string_view>

namespace stockade::cli {

// The difference between two texts in the unified format, with three lines around each change;
// empty when they are equal. `before` and `after` are how the two are called in the head. Compares
// line by line; about n * m steps for n and m lines that differ.
[[nodiscard]] std::string UnifiedDiff(std::string_view before, std::string_view before_text,
                                      std::string_view after, std::string_view after_text);

}  // namespace stockade::cli
