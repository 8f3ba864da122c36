#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stockade::kube {

// metadata.resourceVersion as the number that it is: Kubernetes orders the versions of one resource
// so. Nothing when the text is none.
[[nodiscard]] inline std::optional<std::uint64_t> ParseResourceVersion(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// True when `version` is older than `seen`; what is no number is never older.
[[nodiscard]] inline bool IsOlderVersion(std::string_view version, std::string_view seen) {
  const auto a = ParseResourceVersion(version);
  const auto b = ParseResourceVersion(seen);
  return a && b && *a < *b;
}

}  // namespace stockade::kube
