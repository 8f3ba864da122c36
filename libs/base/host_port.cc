#include "base/host_port.h"

#include <charconv>

namespace stockade {

Result<HostPort> ParseHostPort(std::string_view text) {
  const Status malformed(StatusCode::kBadRequest,
                         "must be an address and a port such as 0.0.0.0:8081 or [::1]:8081");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  HostPort result;
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (error != std::errc() || end != port.data() + port.size()) return malformed;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed;  // IPv6 without brackets
  }
  result.host = host.empty() ? "0.0.0.0" : std::string(host);
  return result;
}

}  // namespace stockade
