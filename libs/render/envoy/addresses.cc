#include "render/envoy/addresses.h"

#include <span>
#include <string_view>
#include <utility>

#include "render/envoy/messages.h"
#include "render/special_ranges.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

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
  AddRanges(never, kSpecialRanges);
  AddRanges(never, kMetadataRanges);
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
