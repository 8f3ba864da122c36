#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// What the fuzz targets share. Each target is one file that defines LLVMFuzzerTestOneInput; its
// corpus holds inputs as people would write them, so that a new one can be added by hand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stockade::fuzz {

inline std::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What must hold for every input; stops the process in every kind of build. `detail` says what was
// seen instead.
inline void Require(bool holds, std::string_view what, std::string_view detail = {}) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", std::string(what).c_str(),
               std::string(detail).c_str());
  std::abort();
}

}  // namespace stockade::fuzz
