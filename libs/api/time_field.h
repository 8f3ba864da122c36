#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "codec/object_reader.h"

namespace stockade::api {

// The time in a member of an object; nothing where it is unset. What is no time of RFC 3339 is
// reported to the reader.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> ReadTime(
    codec::ObjectReader& reader, std::string_view key);

}  // namespace stockade::api
