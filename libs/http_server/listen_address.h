#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace stockade::http_server {

// Where a server listens, as a configuration file writes it.
struct ListenAddress {
  std::string address;     // an IPv4 or IPv6 address, without brackets
  std::uint16_t port = 0;  // 0: any free port

  bool operator==(const ListenAddress&) const = default;
};

// Parses "127.0.0.1:8443", "[::1]:8443", or ":8443" for every IPv4 address. BadRequest says what is
// wrong and what to write; names are not resolved.
Result<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace stockade::http_server
