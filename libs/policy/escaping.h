#pragma once

#include <string>
#include <string_view>

namespace stockade::policy {

// The text with everything escaped ("\x1b") that could forge a line, move a terminal's cursor or
// reorder text on it: control characters, line breaks too, and the marks of Unicode that do the
// same. The rest stays as it is, quotation marks and backslashes too. Pure.
[[nodiscard]] std::string EscapeControls(std::string_view text);

// The same for a text between quotation marks, which it cannot end.
[[nodiscard]] std::string EscapeInQuotes(std::string_view text);

}  // namespace stockade::policy
