#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace stockade {

// Where to listen: "127.0.0.1:8081", "[::1]:8081", ":8081" for every address.
struct HostPort {
  std::string host;  // a numeric address; "0.0.0.0" when none was written
  std::uint16_t port = 0;
};

// BadRequest when `text` is no such address. Port 0 means any free port.
Result<HostPort> ParseHostPort(std::string_view text);

}  // namespace stockade
