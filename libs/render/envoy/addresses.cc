#include "render/envoy/addresses.h"

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "render/envoy/messages.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

// IANA's special-purpose address registries, but for what is globally reachable there.
constexpr std::array<std::string_view, 26> kNeverRanges = {
    "0.0.0.0/8",         // this network
    "127.0.0.0/8",       // loopback
    "169.254.0.0/16",    // link-local: the metadata services of the clouds
    "168.63.129.16/32",  // Azure's host
    "192.0.0.0/24",      // protocol assignments, 192.0.0.192 among them: Oracle's metadata
    "192.0.2.0/24",      // documentation
    "192.88.99.0/24",    // 6to4 relays
    "198.18.0.0/15",     // benchmarking
    "198.51.100.0/24",   // documentation
    "203.0.113.0/24",    // documentation
    "224.0.0.0/4",       // multicast
    "240.0.0.0/4",       // reserved, broadcast
    "::/96",             // unspecified, loopback, v4-compatible
    "::ffff:0:0/96",     // v4-mapped
    "::ffff:0:0:0/96",   // v4-translated
    "64:ff9b::/96",      // NAT64
    "64:ff9b:1::/48",    // NAT64 of a network
    "100::/64",          // discard
    "2001::/23",         // protocol assignments: Teredo, ORCHID
    "2001:db8::/32",     // documentation
    "2002::/16",         // 6to4
    "3fff::/20",         // documentation
    "5f00::/16",         // segment routing
    "fe80::/10",         // link-local
    "fec0::/10",         // site-local
    "ff00::/8",          // multicast
};
constexpr std::array<std::string_view, 5> kPrivateRanges = {
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
// The metadata services of AWS over IPv6 and of Alibaba stand in ranges that are private otherwise.
constexpr std::array<std::string_view, 2> kMetadataAddresses = {"100.100.100.200/32",
                                                                "fd00:ec2::254/128"};

Json UpstreamIn(std::string_view range) {
  return {{"matcher", Extension("envoy.rbac.matchers.upstream_ip_port",
                                "rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher",
                                {{"upstream_ip", CidrRange(range)}})}};
}

template <typename Range>
void AddRanges(Json& permissions, const Range& ranges) {
  for (const auto& range : ranges) permissions.push_back(UpstreamIn(range));
}

Json Policy(Json permissions) {
  return {{"permissions", std::move(permissions)}, {"principals", Json::array({{{"any", true}}})}};
}

}  // namespace

Json AddressFilters(const std::vector<std::string>& cluster_ranges,
                    const std::vector<std::string>& private_ranges) {
  Json never = Json::array();
  AddRanges(never, kNeverRanges);
  AddRanges(never, kMetadataAddresses);
  Json refused = Json::array();
  AddRanges(refused, kPrivateRanges);
  AddRanges(refused, cluster_ranges);
  if (!private_ranges.empty()) {
    Json excepted = Json::array();
    AddRanges(excepted, private_ranges);
    Json rules = Json::array();
    rules.push_back({{"or_rules", {{"rules", std::move(refused)}}}});
    rules.push_back({{"not_rule", {{"or_rules", {{"rules", std::move(excepted)}}}}}});
    refused = Json::array();
    refused.push_back({{"and_rules", {{"rules", std::move(rules)}}}});
  }
  Json policies = Json::object();
  policies["special-address"] = Policy(std::move(never));
  policies["private-address"] = Policy(std::move(refused));
  return Json::array(
      {Extension("envoy.filters.http.upstream_rbac", "filters.http.rbac.v3.RBAC",
                 {{"rules", {{"action", "DENY"}, {"policies", std::move(policies)}}}}),
       Extension("envoy.filters.http.upstream_codec",
                 "filters.http.upstream_codec.v3.UpstreamCodec")});
}

}  // namespace stockade::render::envoy
