#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace stockade::policy {

// A value of a user inside a message: in quotation marks, cut to 80 bytes, and with everything
// escaped that could forge a line or reorder text on a terminal.
[[nodiscard]] std::string Quote(std::string_view value);

// The same for any JSON value: a string is quoted, a number or boolean written as it is, of the
// rest only the kind is told.
[[nodiscard]] std::string Quote(codec::JsonView value);

// "prefix[key]", with the key cut and escaped as above: the path of a map's entry.
[[nodiscard]] std::string KeyedPath(std::string_view prefix, std::string_view key);

}  // namespace stockade::policy
