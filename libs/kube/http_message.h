#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kube/connection_config.h"
#include "kube/transport.h"

namespace stockade::kube {

// Largest answer that is read into memory: a page of 500 large objects.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{64} * 1024 * 1024;

// BadRequest for a request that could be read as another one: a method that is no token, a target
// or header value with a control character, a space or a byte beyond ASCII.
Status CheckRequest(const HttpRequest& request, std::string_view token);

// The whole request as it goes over the wire in HTTP/1.1. The same errors as CheckRequest.
Result<std::string> FormatRequest(const ConnectionConfig& config, const HttpRequest& request,
                                  std::string_view token);

// The value of a Host header: the host, in brackets for IPv6, and the port unless it is the usual.
[[nodiscard]] std::string HostHeader(const ConnectionConfig& config);

// What a request comes to that is under way, or would begin, when a stop is requested.
[[nodiscard]] Status CancelledByStop(const ConnectionConfig& config);

// A Retry-After header in its form of whole seconds, at most a day; nothing for any other text.
[[nodiscard]] std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text);

}  // namespace stockade::kube
