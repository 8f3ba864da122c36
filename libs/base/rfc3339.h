#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace stockade {

// A time such as 2026-11-24T04:15:20Z, with or without a fraction, in any offset (RFC 3339). Years
// before 1970 and after 2200 are taken as those ends. Pure.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> ParseRfc3339(
    std::string_view text);

}  // namespace stockade
