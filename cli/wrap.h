#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "policy/escaping.h"

namespace stockade::cli {

// A paragraph in lines of at most 100 columns, the second and later ones indented by `indent`; the
// first begins at that column already. Control characters are escaped: it may be what a cluster
// says.
[[nodiscard]] inline std::string Wrap(std::string_view text, std::size_t indent) {
  return stockade::Wrap(policy::EscapeControls(text),
                        {.columns = 100, .indent = indent, .first = indent});
}

}  // namespace stockade::cli
