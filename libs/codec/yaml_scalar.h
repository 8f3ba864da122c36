#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stockade::codec {

// What a YAML scalar means to kubectl; the part of codec/yaml.h that knows no parser.
enum class ScalarKind { kNull, kBool, kInt, kFloat, kString };

struct ResolvedScalar {
  ScalarKind kind = ScalarKind::kString;
  std::string text;  // a string's value; the JSON text of every other kind
};

// Resolves `value` under yaml-cpp's `tag`: "?" for plain, "!" for quoted, or a tag's full name. The
// rules are go-yaml 2's resolve.go. Returns what is wrong, or "".
[[nodiscard]] std::string ResolveScalar(std::string_view tag, const std::string& value,
                                        ResolvedScalar& result);

// Where a text stops being one that YAML allows.
struct UnreadableText {
  int line = 0;  // from 0
  int column = 0;
  std::string message;
};

// The first byte that is not UTF-8 or is a control character which YAML forbids (yaml-cpp takes
// U+0004 for the end of the text), or brackets nested beyond all reason, if any.
[[nodiscard]] std::optional<UnreadableText> FindUnreadableText(std::string_view text);

}  // namespace stockade::codec
