#include "credentials/exchange.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "codec/json.h"
#include "kube/percent_encode.h"

namespace stockade::credentials {
namespace {

using codec::JsonView;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

// What every role grants, and the longest that is of use.
constexpr std::string_view kAwsSeconds = "3600";
constexpr seconds kLongestLifetime{12 * 3600};
constexpr seconds kSoonestRenewal{1};
constexpr std::string_view kGoogleHost = "sts.googleapis.com";
constexpr std::string_view kGoogleScope = "https://www.googleapis.com/auth/cloud-platform";

Status Unusable(const Derived& derived, const std::string& what) {
  return {StatusCode::kUnavailable, TokenServiceHost(derived) + ": " + what};
}

// A form of HTML, of which no value may be left out.
class Form {
 public:
  Form& Add(std::string_view name, std::string_view value) {
    text_.append(text_.empty() ? "" : "&")
        .append(name)
        .append("=")
        .append(kube::PercentEncode(value));
    return *this;
  }
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// The audience as Google's service names it; tokens are often made for its form with a scheme.
std::string GoogleAudience(std::string_view audience) {
  constexpr std::string_view kScheme = "https:";
  if (audience.starts_with("https://iam.googleapis.com/")) audience.remove_prefix(kScheme.size());
  return std::string(audience);
}

// Nothing that could end a line of a file or stand for another header.
bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool IsAccessKey(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The services' codes are single words. Anything else is not repeated, lest it be of the token.
std::string ErrorCode(const Derived& derived, std::string_view token, std::string_view body) {
  const auto document = codec::JsonDocument::Parse(body);
  if (!document.ok()) return {};
  const JsonView error = document->root()[derived.kind == DerivedKind::kAws ? "Error" : "error"];
  const std::string_view code =
      derived.kind == DerivedKind::kAws ? error["Code"].StringOrEmpty() : error.StringOrEmpty();
  constexpr std::size_t kLongest = 64;
  const bool word =
      !code.empty() && code.size() <= kLongest && std::ranges::all_of(code, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
      });
  return word && token.find(code) == std::string_view::npos ? std::string(code) : std::string();
}

Status Refusal(const Derived& derived, std::string_view token, const kube::HttpResponse& response) {
  std::string what = "answered " + std::to_string(response.status);
  if (response.status >= 300 && response.status < 400) {
    what += ", and redirects are not followed";
  } else if (const std::string code = ErrorCode(derived, token, response.body); !code.empty()) {
    what += " " + code;
  }
  Status status(response.status == 400 || response.status == 401 || response.status == 403
                    ? StatusCode::kForbidden
                    : StatusCode::kUnavailable,
                TokenServiceHost(derived) + " " + what);
  if (response.retry_after) status.set_retry_after(*response.retry_after);
  return status;
}

Result<Credential> WithLifetime(const Derived& derived, std::string contents, double lifetime,
                                system_clock::time_point now) {
  if (!(lifetime > 0)) return Unusable(derived, "what it gave has expired; is this clock right?");
  const double longest = static_cast<double>(kLongestLifetime.count());
  const milliseconds rounded(static_cast<std::int64_t>(std::min(lifetime, longest) * 1000));
  return Credential{std::move(contents), now + rounded};
}

Result<Credential> ReadAws(const Derived& derived, JsonView root, system_clock::time_point now) {
  const JsonView given =
      root["AssumeRoleWithWebIdentityResponse"]["AssumeRoleWithWebIdentityResult"]["Credentials"];
  const std::string_view key = given["AccessKeyId"].StringOrEmpty();
  const std::string_view secret = given["SecretAccessKey"].StringOrEmpty();
  const std::string_view session = given["SessionToken"].StringOrEmpty();
  const std::optional<double> expiration = given["Expiration"].AsDouble();
  if (!IsAccessKey(key) || !IsToken(secret) || !IsToken(session) || !expiration) {
    return Unusable(derived, "its answer holds no credentials as AWS writes them");
  }
  std::string contents = "[default]\naws_access_key_id=";
  contents.append(key).append("\naws_secret_access_key=").append(secret);
  contents.append("\naws_session_token=").append(session).append("\n");
  const double from =
      std::chrono::duration_cast<std::chrono::duration<double>>(now.time_since_epoch()).count();
  return WithLifetime(derived, std::move(contents), *expiration - from, now);
}

Result<Credential> ReadGoogle(const Derived& derived, JsonView root, system_clock::time_point now) {
  const std::string_view access_token = root["access_token"].StringOrEmpty();
  const std::optional<double> lifetime = root["expires_in"].AsDouble();
  if (!IsToken(access_token) || ToLower(root["token_type"].StringOrEmpty()) != "bearer" ||
      !lifetime) {
    return Unusable(derived, "its answer holds no bearer token with a time to live");
  }
  return WithLifetime(derived, std::string(access_token), *lifetime, now);
}

}  // namespace

std::string TokenServiceHost(const Derived& derived) {
  if (derived.kind == DerivedKind::kGoogle) return std::string(kGoogleHost);
  const std::string_view china = derived.region.starts_with("cn-") ? ".cn" : "";
  return "sts." + derived.region + ".amazonaws.com" + std::string(china);
}

kube::HttpRequest MakeTokenRequest(const Derived& derived, std::string_view token) {
  kube::HttpRequest request;
  request.method = "POST";
  request.content_type = "application/x-www-form-urlencoded";
  request.deadline = seconds(20);
  if (derived.kind == DerivedKind::kAws) {
    request.target = "/";
    request.body = Form()
                       .Add("Action", "AssumeRoleWithWebIdentity")
                       .Add("Version", "2011-06-15")
                       .Add("RoleArn", derived.role_arn)
                       .Add("RoleSessionName", derived.session_name)
                       .Add("DurationSeconds", kAwsSeconds)
                       .Add("WebIdentityToken", token)
                       .Take();
    return request;
  }
  request.target = "/v1/token";
  request.body = Form()
                     .Add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
                     .Add("audience", GoogleAudience(derived.audience))
                     .Add("scope", kGoogleScope)
                     .Add("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
                     .Add("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
                     .Add("subject_token", token)
                     .Take();
  return request;
}

Result<Credential> ReadTokenAnswer(const Derived& derived, std::string_view token,
                                   const kube::HttpResponse& response,
                                   system_clock::time_point now) {
  if (response.status != 200) return Refusal(derived, token, response);
  const auto document = codec::JsonDocument::Parse(response.body);
  if (!document.ok()) return Unusable(derived, "its answer is no JSON");
  return derived.kind == DerivedKind::kAws ? ReadAws(derived, document->root(), now)
                                           : ReadGoogle(derived, document->root(), now);
}

milliseconds RenewAfter(milliseconds lifetime, double draw) {
  const auto after = static_cast<std::int64_t>(static_cast<double>(lifetime.count()) *
                                               (0.5 + 0.1 * std::clamp(draw, 0.0, 1.0)));
  return std::max<milliseconds>(milliseconds(after), kSoonestRenewal);
}

}  // namespace stockade::credentials
