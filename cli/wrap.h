#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stockade::cli {

// A paragraph in lines of at most 100 columns, where words allow, the second and later ones
// indented by `indent`; the first begins at that column already. Ends in a line break.
[[nodiscard]] std::string Wrap(std::string_view text, std::size_t indent);

}  // namespace stockade::cli
