#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stockade {

// "a, b, c" from the parts and ", ".
[[nodiscard]] std::string Join(std::span<const std::string> parts, std::string_view separator);

// The parts of `text` between separators; always at least one, possibly empty.
[[nodiscard]] std::vector<std::string_view> Split(std::string_view text, char separator);

// `text` without ASCII white space at either end.
[[nodiscard]] std::string_view TrimSpace(std::string_view text);

// ASCII letters in lower case, every other byte unchanged.
[[nodiscard]] std::string ToLower(std::string_view text);

// `text` cut to at most `max_bytes`, ending in "..." when cut and never inside a UTF-8 sequence.
[[nodiscard]] std::string Truncate(std::string_view text, std::size_t max_bytes);

struct Wrapping {
  std::size_t columns;    // none of the lines is longer, where words allow
  std::size_t indent;     // of the second and later lines, in spaces
  std::size_t first = 0;  // the column at which the text begins, behind what stands there already
};
// The words of `text` in lines; ends in a line break.
[[nodiscard]] std::string Wrap(std::string_view text, const Wrapping& wrapping);

// The candidate that a person most likely meant by `word` (edit distance of at most a third of its
// length, at least 1), or empty when none is close.
[[nodiscard]] std::string_view ClosestMatch(std::string_view word,
                                            std::span<const std::string_view> candidates);

// Kubernetes name grammars (apimachinery's validation package).
[[nodiscard]] bool IsDnsLabel(std::string_view name);      // RFC 1123 label, 1 to 63 bytes
[[nodiscard]] bool IsDnsSubdomain(std::string_view name);  // RFC 1123 subdomain, 1 to 253 bytes
[[nodiscard]] bool IsLabelKey(std::string_view key);       // "team" or "example.com/team"
[[nodiscard]] bool IsLabelValue(std::string_view value);   // may be empty, up to 63 bytes

}  // namespace stockade
