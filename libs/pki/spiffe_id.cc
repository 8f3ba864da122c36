#include "pki/spiffe_id.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"

namespace stockade::pki {
namespace {

constexpr std::size_t kMaxUriBytes = 2048;  // as the specification has it

// A path segment by the specification: letters, digits, '.', '-' and '_', but not "." or "..".
bool IsSegment(std::string_view text) {
  if (text.empty() || text == "." || text == "..") return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

Status Unfit(std::string_view part, std::string_view value, std::string_view rule) {
  return {StatusCode::kBadRequest, "the " + std::string(part) + " \"" + std::string(value) +
                                       "\" of a SPIFFE ID " + std::string(rule)};
}

}  // namespace

Result<std::string> SpiffeIdPrefix(const std::string& trust_domain,
                                   const std::string& namespace_name, const std::string& profile) {
  if (!IsDnsSubdomain(trust_domain)) {
    return Unfit("trust domain", trust_domain, "must be a DNS name in lower case");
  }
  if (!IsDnsLabel(namespace_name)) {
    return Unfit("namespace", namespace_name, "must be the name of a namespace");
  }
  if (!IsSegment(profile)) {
    return Unfit("profile", profile, "may have letters, digits, '.', '-' and '_' alone");
  }
  return "spiffe://" + trust_domain + "/ns/" + namespace_name + "/profile/" + profile + "/";
}

Result<std::string> SpiffeId(const SandboxIdentity& identity) {
  auto prefix = SpiffeIdPrefix(identity.trust_domain, identity.namespace_name, identity.profile);
  if (!prefix.ok()) return prefix.status();
  if (!IsDnsSubdomain(identity.sandbox)) {
    return Unfit("sandbox", identity.sandbox, "must be the name of a sandbox");
  }
  if (!IsSegment(identity.uid)) {
    return Unfit("uid", identity.uid, "may have letters, digits, '.', '-' and '_' alone");
  }
  std::string uri = *prefix + "sandbox/" + identity.sandbox + "/" + identity.uid;
  if (uri.size() > kMaxUriBytes) {
    return Unfit("uid", identity.uid, "makes it longer than 2048 bytes");
  }
  return uri;
}

}  // namespace stockade::pki
