// How an answer that is no success becomes a Status: StatusFromResponse and StatusFromObject of
// client.h.
#include <algorithm>
#include <string>

#include "base/strings.h"
#include "kube/client.h"

namespace stockade::kube {
namespace {

// The longest message that is kept: a validation error of a large object lists every field.
constexpr std::size_t kMaxMessageBytes = 8192;
constexpr std::size_t kMaxReasonBytes = 128;
constexpr std::int64_t kLongestRetryAfterSeconds = std::int64_t{24} * 60 * 60;

// Codes by HTTP status, as apimachinery's pkg/api/errors pairs them; 409 is decided by its reason.
StatusCode CodeFor(std::int64_t http_status, std::string_view reason) {
  switch (http_status) {
    case 401:
      return StatusCode::kUnauthorized;
    case 403:
      return StatusCode::kForbidden;
    case 404:
      return StatusCode::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? StatusCode::kAlreadyExists : StatusCode::kConflict;
    case 410:
      return StatusCode::kGone;
    case 422:
      return StatusCode::kInvalid;
    case 429:
      return StatusCode::kThrottled;
    case 504:
      return StatusCode::kDeadlineExceeded;
    default:
      break;
  }
  if (http_status >= 400 && http_status < 500) return StatusCode::kBadRequest;
  return StatusCode::kUnavailable;
}

// What a proxy or load balancer put in the API server's place, cut to one short line.
std::string Summary(std::string_view body) {
  constexpr std::size_t kMaxBytes = 200;
  std::string line(TrimSpace(body.substr(0, 4 * kMaxBytes)));
  std::ranges::replace_if(line, [](char c) { return c >= 0 && c < 0x20; }, ' ');
  return Truncate(line, kMaxBytes);
}

Status FromStatusObject(codec::JsonView object, std::int64_t http_status) {
  const std::string_view reason = object["reason"].StringOrEmpty();
  std::string message(object["message"].StringOrEmpty());
  if (message.empty()) message = "the server answered " + std::to_string(http_status);
  Status status(CodeFor(http_status, reason), Truncate(message, kMaxMessageBytes));
  status.set_reason(std::string(reason.substr(0, kMaxReasonBytes)));
  const auto seconds = object["details"]["retryAfterSeconds"].AsInt();
  if (seconds && *seconds > 0) {
    status.set_retry_after(std::chrono::seconds(std::min(*seconds, kLongestRetryAfterSeconds)));
  }
  return status;
}

}  // namespace

Status StatusFromObject(codec::JsonView object) {
  const std::string_view reason = object["reason"].StringOrEmpty();
  // Old servers leave the code out of an ERROR event.
  const bool expired = reason == "Expired" || reason == "Gone";
  return FromStatusObject(object, object["code"].AsInt().value_or(expired ? 410 : 500));
}

Status StatusFromResponse(const HttpResponse& response) {
  const std::string prefix = "the server answered " + std::to_string(response.status);
  if (response.status >= 300 && response.status < 400) {
    return {StatusCode::kUnavailable, prefix + ": redirects are not followed"};
  }
  Status status(CodeFor(response.status, ""), prefix);
  const Result<codec::JsonDocument> document = codec::JsonDocument::Parse(response.body);
  if (document.ok() && document->root()["kind"].StringOrEmpty() == "Status") {
    status = FromStatusObject(document->root(), response.status);
  } else if (const std::string summary = Summary(response.body); !summary.empty()) {
    status = Status(status.code(), prefix + ": " + summary);
  }
  if (response.retry_after && !status.retry_after()) status.set_retry_after(*response.retry_after);
  return status;
}

}  // namespace stockade::kube
