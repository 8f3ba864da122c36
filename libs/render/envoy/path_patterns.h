#pragma once

#include <string>
#include <string_view>

// Regular expressions (RE2) for the path prefixes of egress.allow and egress.deny, which have
// passed the rules: visible ASCII without "%", "*", "\" and dot segments. They match a whole
// normalised path without its query, in which letters and digits are never encoded.
namespace stockade::render::envoy {

// Of an entry with encodedSlash: the prefix as it is written, and all below it, whether the slash
// that follows is encoded or not.
[[nodiscard]] std::string AllowedPrefixPattern(std::string_view prefix);

// Whatever a server could take for the prefix or for something below it: slashes that are encoded
// or repeated, parameters behind a ";", other characters encoded.
[[nodiscard]] std::string DeniedPrefixPattern(std::string_view prefix);

}  // namespace stockade::render::envoy
