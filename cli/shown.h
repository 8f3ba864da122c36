#pragma once

#include <string>
#include <string_view>

#include "policy/escaping.h"

namespace stockade::cli {

// A file's name as it may stand at the beginning of a line: as it is, or escaped and in quotation
// marks where it could forge a line, or be taken for a command by what reads the log of a pipeline
// ("::warning::", "##[error]", with or without spaces before them).
[[nodiscard]] inline std::string ShownFile(std::string_view name) {
  const bool plain = policy::EscapeControls(name) == name && !name.empty() &&
                     std::string_view(":# \"").find(name.front()) == std::string_view::npos;
  return plain ? std::string(name) : '"' + policy::EscapeInQuotes(name) + '"';
}

}  // namespace stockade::cli
