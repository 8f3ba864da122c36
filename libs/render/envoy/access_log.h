#pragma once

#include <string_view>

#include "codec/json.h"

// The audit log: one line of JSON on standard output for each CONNECT and each request.
namespace stockade::render::envoy {

// Under these keys the outer listener hands inward who asks, and for which host and port.
inline constexpr std::string_view kSandboxState = "stockade.sandbox";
inline constexpr std::string_view kAuthorityState = "stockade.authority";

// Of a connection manager: `kind` is "connect" or "request". The path comes without its query, and
// no header but the host: nothing that could be a credential. Long values are cut.
[[nodiscard]] codec::Json RequestLog(std::string_view kind);
// Of connections that reach no connection manager: tunnels, and those refused for their name.
[[nodiscard]] codec::Json ConnectionLog(std::string_view kind, std::string_view rule);

}  // namespace stockade::render::envoy
