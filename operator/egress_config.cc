#include "operator/egress_config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

using codec::FieldError;
using codec::ObjectReader;

constexpr std::int64_t kMinId = 1000;
constexpr std::int64_t kMaxId = 2147483647;
// The kubelet brings a changed Secret into a pod within about two minutes.
constexpr std::int64_t kMinCertificateSeconds = 600;
constexpr std::int64_t kMaxCertificateSeconds = 30LL * 24 * 3600;
constexpr std::int64_t kMinAuthorityDays = 90;
constexpr std::int64_t kMaxAuthorityDays = 3650;
constexpr std::int64_t kMinTokenSeconds = 600;  // as the API server has it
constexpr std::int64_t kMaxTokenSeconds = 86400;

bool IsAddress(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  return inet_pton(AF_INET, text.c_str(), buffer.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), buffer.data()) == 1;
}

// An address, or one with a prefix length.
bool IsRange(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (!IsAddress(text.substr(0, slash))) return false;
  if (slash == std::string::npos) return true;
  const std::string_view length = std::string_view(text).substr(slash + 1);
  int bits = -1;
  const auto [rest, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  const int most = text.find(':') == std::string::npos ? 32 : 128;
  return error == std::errc() && rest == length.data() + length.size() && bits >= 0 && bits <= most;
}

void CheckEach(ObjectReader& reader, std::string_view key, const std::vector<std::string>& values,
               bool (*valid)(const std::string&), std::string_view what) {
  for (const std::string& value : values) {
    if (!valid(value)) {
      reader.AddError(key, "\"" + value + "\" must be " + std::string(what));
    }
  }
}

bool IsTarget(const std::string& text) {
  return text.starts_with("tcp://") || text.starts_with("udp://");
}

void ReadImage(ObjectReader& reader, std::string_view key, std::string& image) {
  reader.String(key, image);
  if (image.empty()) reader.AddError(key, "must be an image; it has no default");
}

void ReadImages(ObjectReader& parent, std::vector<FieldError>& errors,
                render::EgressSettings& settings) {
  ObjectReader reader(parent.Value("images"), parent.PathOf("images"), errors);
  ReadImage(reader, "proxy", settings.proxy_image);
  ReadImage(reader, "canary", settings.canary_image);
  ReadImage(reader, "credentials", settings.credentials_image);
  reader.Finish();
}

void ReadDns(ObjectReader& parent, std::vector<FieldError>& errors,
             render::EgressSettings& settings) {
  ObjectReader reader(parent.Value("dns"), parent.PathOf("dns"), errors);
  reader.String("namespace", settings.dns_namespace);
  if (!IsDnsLabel(settings.dns_namespace)) {
    reader.AddError("namespace", "must be the name of a namespace");
  }
  if (const codec::JsonView labels = reader.Object("podLabels"); !labels.IsUnset()) {
    settings.dns_pod_labels.clear();
    reader.StringMap("podLabels", settings.dns_pod_labels);
  }
  reader.Finish();
}

void ReadDays(ObjectReader& reader, std::string_view key, pki::RotationPolicy& policy) {
  constexpr std::int64_t kDay = std::int64_t{24} * 3600;
  std::int64_t days = policy.lifetime.count() / kDay;
  reader.Int(key, kMinAuthorityDays, kMaxAuthorityDays, days);
  policy.lifetime = std::chrono::seconds(days * kDay);
  // The last third is for the succession, and the overlap has to fit into it twice.
  policy.overlap = std::min(policy.overlap, policy.lifetime / 6);
}

}  // namespace

void ReadEgress(codec::JsonView value, std::vector<FieldError>& errors, EgressConfig& config) {
  if (value.IsUnset()) return;
  config.enabled = true;
  render::EgressSettings& settings = config.settings;
  ObjectReader reader(value, "egress", errors);
  ReadImages(reader, errors, settings);
  reader.Int("proxyUser", kMinId, kMaxId, settings.proxy_user);
  reader.Int("gatewayUser", kMinId, kMaxId, settings.gateway_user);
  reader.String("trustDomain", settings.trust_domain);
  if (!IsDnsSubdomain(settings.trust_domain)) {
    reader.AddError("trustDomain", "must be a DNS name in lower case, such as stockade.local");
  }
  reader.StringList("clusterRanges", settings.cluster_ranges);
  CheckEach(reader, "clusterRanges", settings.cluster_ranges, IsRange,
            "an IP address or a range such as 10.96.0.0/12");
  reader.String("listenAddress", settings.listen_address);
  if (settings.listen_address != "0.0.0.0" && settings.listen_address != "::") {
    reader.AddError("listenAddress", "must be 0.0.0.0, or :: where Services have IPv6 addresses");
  }
  reader.StringList("resolvers", settings.resolvers);
  CheckEach(reader, "resolvers", settings.resolvers, IsAddress, "an IP address");
  ReadDns(reader, errors, settings);
  reader.StringList("shutTargets", settings.shut_targets);
  CheckEach(reader, "shutTargets", settings.shut_targets, IsTarget,
            "tcp://IP:PORT or udp://IP:PORT");
  if (settings.shut_targets.empty()) {
    reader.AddError("shutTargets", "must name what has to be shut, or nothing is proven");
  }
  reader.String("googleAudience", settings.google_audience);
  reader.Int("tokenSeconds", kMinTokenSeconds, kMaxTokenSeconds, settings.token_seconds);
  reader.String("publicRootsFile", config.public_roots_file);
  std::int64_t seconds = config.certificate_lifetime.count();
  reader.Int("certificateLifetimeSeconds", kMinCertificateSeconds, kMaxCertificateSeconds, seconds);
  config.certificate_lifetime = std::chrono::seconds(seconds);
  ReadDays(reader, "identityAuthorityDays", config.identity);
  ReadDays(reader, "interceptionAuthorityDays", config.interception);
  reader.Finish();
}

}  // namespace stockade::sandbox_operator
