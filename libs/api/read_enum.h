#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "codec/object_reader.h"

namespace stockade::api {

// Reads one of `names` into the enumeration whose values are their indexes.
template <typename E, std::size_t N>
void ReadEnum(codec::ObjectReader& reader, std::string_view key,
              const std::array<std::string_view, N>& names, E& out) {
  auto index = static_cast<std::size_t>(out);
  reader.Enum(key, names, index);
  out = static_cast<E>(index);
}

}  // namespace stockade::api
