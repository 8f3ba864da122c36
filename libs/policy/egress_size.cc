#include "policy/egress_size.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade::policy {
namespace {

using api::EgressEntry;
using Endpoint = std::pair<std::string_view, std::int64_t>;  // host and port

// Measured with the rendered configurations; tests/unit/render/gateway_size_test.cc holds the two
// together.
constexpr std::int64_t kFixedBytes = 12'000;
constexpr std::int64_t kModelBytes = 64'000;  // the provider's hosts and requests
constexpr std::int64_t kEndpointBytes = 27'200;
constexpr std::int64_t kTimesNamed = 24;        // how often a host's name stands in what is for it
constexpr std::int64_t kWildcardBytes = 1'500;  // for names that are looked up as they come
constexpr std::int64_t kCredentialBytes = 1'500;
constexpr std::int64_t kRuleBytes = 500;
constexpr std::int64_t kPathBytes = 250;
constexpr std::int64_t kRangeBytes = 500;

// Whether the entry says something of the host, or of some hosts that a wildcard stands for.
bool Concerns(const EgressEntry& entry, const Endpoint& endpoint) {
  if (!entry.ports.empty() &&
      std::ranges::find(entry.ports, endpoint.second) == entry.ports.end()) {
    return false;
  }
  return api::CoversHost(entry.host, endpoint.first) || api::CoversHost(endpoint.first, entry.host);
}

// What an entry adds to each host and port that it concerns. In a pattern a character may need
// three others to stand for itself.
std::int64_t BytesOf(const EgressEntry& entry) {
  std::int64_t methods = 0;
  for (const std::string& method : entry.methods) {
    methods += static_cast<std::int64_t>(method.size()) + 8;
  }
  std::int64_t bytes = kRuleBytes + methods;
  for (const std::string& path : entry.paths) {
    bytes += kPathBytes + 4 * static_cast<std::int64_t>(path.size()) + methods;
  }
  if (!entry.credential.empty()) bytes += kCredentialBytes;
  return bytes + kRangeBytes * static_cast<std::int64_t>(entry.private_ranges.size());
}

}  // namespace

std::int64_t EstimateGatewayBytes(const api::Egress& egress) {
  std::set<Endpoint> endpoints;
  for (const EgressEntry& entry : egress.allow) {
    for (const std::int64_t port : api::AllowedPorts(entry)) endpoints.emplace(entry.host, port);
  }
  std::int64_t bytes = kFixedBytes + (egress.model ? kModelBytes : 0);
  for (const Endpoint& endpoint : endpoints) {
    bytes += kEndpointBytes + kTimesNamed * static_cast<std::int64_t>(endpoint.first.size());
    if (api::IsWildcardHost(endpoint.first)) bytes += kWildcardBytes;
  }
  for (const std::vector<EgressEntry>* entries : {&egress.allow, &egress.deny}) {
    for (const EgressEntry& entry : *entries) {
      std::int64_t concerned = 0;
      for (const Endpoint& endpoint : endpoints) concerned += Concerns(entry, endpoint) ? 1 : 0;
      bytes += concerned * BytesOf(entry);
    }
  }
  return bytes;
}

}  // namespace stockade::policy
