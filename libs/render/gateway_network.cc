#include "render/gateway_network.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "base/ip_range.h"
#include "render/envoy/envoy.h"
#include "render/special_ranges.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::int64_t kDnsPort = 53;
constexpr std::string_view kEveryIpv4 = "0.0.0.0/0";
constexpr std::string_view kEveryIpv6 = "::/0";

using Ranges = std::vector<std::string>;

template <typename Range>
void Append(Ranges& ranges, const Range& more) {
  for (const auto& range : more) {
    if (range != kMappedRange) ranges.emplace_back(range);
  }
}

// "10.0.0.7" is the range of that address.
std::string AsRange(std::string_view address) {
  std::string range(address);
  if (range.find('/') == std::string::npos) {
    range += range.find(':') == std::string::npos ? "/32" : "/128";
  }
  return range;
}

// A peer with every address of `cidr` that lies in none of `excepted`; nothing when that is none.
// The API server takes only exceptions that are narrower than the whole, and those within another
// one say nothing more.
std::optional<Json> PeerWithin(std::string_view cidr, const Ranges& excepted) {
  const auto whole = IpRange::Parse(cidr);
  if (!whole) return std::nullopt;
  Json except = Json::array();
  for (std::size_t i = 0; i < excepted.size(); ++i) {
    const auto range = IpRange::Parse(excepted[i]);
    if (!range) continue;
    if (range->Holds(*whole)) return std::nullopt;
    if (!whole->Holds(*range)) continue;
    bool said = false;
    for (std::size_t j = 0; j < excepted.size() && !said; ++j) {
      const auto other = IpRange::Parse(excepted[j]);
      said = j != i && other && other->Holds(*range) && (*other != *range || j < i);
    }
    if (!said) except.push_back(excepted[i]);
  }
  Json block = {{"cidr", cidr}};
  if (!except.empty()) block["except"] = std::move(except);
  return Json{{"ipBlock", std::move(block)}};
}

Json Selecting(std::string_view label, const std::string& value) {
  return {{"matchLabels", {{label, value}}}};
}

// Pods that are no sandbox's may have the one label, never both: admission sees to it.
Json SandboxPeer(const std::string& gateway) {
  Json selector = Selecting(api::kEgressLabel, gateway);
  selector["matchExpressions"] =
      Json::array({{{"key", api::kSandboxLabel}, {"operator", "Exists"}}});
  return {{"podSelector", std::move(selector)}};
}

Json GatewayPeer(const std::string& gateway) {
  return {{"podSelector", Selecting(api::kGatewayLabel, gateway)}};
}

Json Port(std::int64_t port, const char* protocol = "TCP") {
  return {{"port", port}, {"protocol", protocol}};
}

Json DnsRule(const EgressSettings& settings) {
  Json peers = Json::array();
  if (!settings.dns_pod_labels.empty()) {
    peers.push_back({{"namespaceSelector",
                      {{"matchLabels", {{"kubernetes.io/metadata.name", settings.dns_namespace}}}}},
                     {"podSelector", {{"matchLabels", settings.dns_pod_labels}}}});
  }
  for (const std::string& resolver : settings.resolvers) {
    peers.push_back({{"ipBlock", {{"cidr", AsRange(resolver)}}}});
  }
  return {{"to", std::move(peers)},
          {"ports", Json::array({Port(kDnsPort, "UDP"), Port(kDnsPort)})}};
}

std::set<std::int64_t> PortsOf(const EgressProfile& profile, bool reaches_cloud) {
  std::set<std::int64_t> ports;
  for (const Endpoint& endpoint : profile.endpoints) ports.insert(endpoint.port);
  if (profile.audit || reaches_cloud) ports.insert(api::kHttpsPort);
  return ports;
}

// Everything public, on each port that some endpoint has.
Json PublicRule(const std::set<std::int64_t>& ports, const EgressSettings& settings) {
  Ranges excepted;
  Append(excepted, kSpecialRanges);
  Append(excepted, kMetadataRanges);
  Append(excepted, kPrivateRanges);
  for (const std::string& range : settings.cluster_ranges) excepted.push_back(AsRange(range));
  Json peers = Json::array();
  for (const std::string_view every : {kEveryIpv4, kEveryIpv6}) {
    if (auto peer = PeerWithin(every, excepted)) peers.push_back(*std::move(peer));
  }
  Json rule_ports = Json::array();
  for (const std::int64_t port : ports) rule_ports.push_back(Port(port));
  return {{"to", std::move(peers)}, {"ports", std::move(rule_ports)}};
}

// What an endpoint's privateRanges name, on its port, but for what nothing opens.
std::optional<Json> PrivateRule(const Endpoint& endpoint) {
  Ranges excepted;
  Append(excepted, kSpecialRanges);
  Append(excepted, kMetadataRanges);
  Json peers = Json::array();
  const std::set<std::string> ranges(endpoint.private_ranges.begin(),
                                     endpoint.private_ranges.end());
  for (const std::string& range : ranges) {
    if (auto peer = PeerWithin(range, excepted)) peers.push_back(*std::move(peer));
  }
  // A rule without peers would be one for everybody.
  if (peers.empty()) return std::nullopt;
  return Json{{"to", std::move(peers)}, {"ports", Json::array({Port(endpoint.port)})}};
}

}  // namespace

Json GatewayAllowanceSpec(const std::string& gateway, const EgressProfile& profile,
                          const EgressSettings& settings, bool reaches_cloud) {
  Json spec = {{"podSelector", Selecting(api::kGatewayLabel, gateway)},
               {"policyTypes", Json::array({"Ingress", "Egress"})},
               {"ingress", Json::array({{{"from", Json::array({SandboxPeer(gateway)})},
                                         {"ports", Json::array({Port(envoy::kGatewayPort)})}}})}};
  const std::set<std::int64_t> ports = PortsOf(profile, reaches_cloud);
  // A rule without ports would be one for every port.
  if (ports.empty()) return spec;
  Json egress = Json::array();
  Json dns = DnsRule(settings);
  if (!dns["to"].empty()) egress.push_back(std::move(dns));
  Json outside = PublicRule(ports, settings);
  if (!outside["to"].empty()) egress.push_back(std::move(outside));
  for (const Endpoint& endpoint : profile.endpoints) {
    if (auto rule = PrivateRule(endpoint)) egress.push_back(*std::move(rule));
  }
  if (!egress.empty()) spec["egress"] = std::move(egress);
  return spec;
}

Json SandboxAllowanceSpec(const std::string& gateway) {
  return {{"podSelector", Selecting(api::kEgressLabel, gateway)},
          {"policyTypes", Json::array({"Egress"})},
          {"egress", Json::array({{{"to", Json::array({GatewayPeer(gateway)})},
                                   {"ports", Json::array({Port(envoy::kGatewayPort)})}}})}};
}

}  // namespace stockade::render
