#include "kube/http_message.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace stockade::kube {
namespace {

constexpr std::chrono::seconds kLongestRetryAfter = std::chrono::hours(24);

bool IsVisible(char c) { return c > 0x20 && c < 0x7f; }

bool IsVisibleOrSpace(char c) { return c >= 0x20 && c < 0x7f; }

Status BadRequest(std::string_view what) {
  return {StatusCode::kBadRequest, std::string("request refused: ") + std::string(what)};
}

}  // namespace

Status CheckRequest(const HttpRequest& request, std::string_view token) {
  const bool method_ok = !request.method.empty() && std::ranges::all_of(request.method, [](char c) {
    return c >= 'A' && c <= 'Z';
  });
  if (!method_ok) return BadRequest("the method is no HTTP method");
  if (!request.target.starts_with('/') || !std::ranges::all_of(request.target, IsVisible)) {
    return BadRequest("the target is no percent-encoded path");
  }
  if (!std::ranges::all_of(request.content_type, IsVisibleOrSpace)) {
    return BadRequest("the content type has a control character");
  }
  if (!std::ranges::all_of(token, IsVisible)) {
    return BadRequest("the bearer token has a space or control character");
  }
  return Status::Ok();
}

Result<std::string> FormatRequest(const ConnectionConfig& config, const HttpRequest& request,
                                  std::string_view token) {
  if (Status status = CheckRequest(request, token); !status.ok()) return status;
  std::string text;
  text.reserve(512 + token.size() + request.target.size() + request.body.size());
  text.append(request.method).append(" ").append(config.path_prefix).append(request.target);
  text.append(" HTTP/1.1\r\nHost: ").append(HostHeader(config));
  text.append("\r\nAccept: application/json\r\n");
  if (!config.user_agent.empty()) {
    text.append("User-Agent: ").append(config.user_agent).append("\r\n");
  }
  if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
  if (!request.content_type.empty()) {
    text.append("Content-Type: ").append(request.content_type).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  text.append("\r\n").append(request.body);
  return text;
}

std::string HostHeader(const ConnectionConfig& config) {
  const bool v6 = config.host.find(':') != std::string::npos;
  std::string value = v6 ? "[" + config.host + "]" : config.host;
  if (config.port != (config.tls ? 443 : 80)) value += ":" + std::to_string(config.port);
  return value;
}

Status CancelledByStop(const ConnectionConfig& config) {
  return {StatusCode::kCancelled,
          HostHeader(config) + ": the request was cancelled, because a stop was asked for"};
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text) {
  text = TrimSpace(text);
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::min(std::chrono::seconds(seconds), kLongestRetryAfter);
}

}  // namespace stockade::kube
