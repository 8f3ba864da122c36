#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/ip_range.h"
#include "render/envoy/envoy.h"
#include "render/special_ranges.h"
#include "render_testing.h"
#include "tests/unit/render/gateway_testing.h"

namespace stockade::render {
namespace {

using codec::Json;

const Json& SpecOf(const Json& policy) { return policy.at("spec"); }

// The rules of a gateway's allowance that name addresses.
std::vector<Json> RulesByAddress(const EgressCase& rendered) {
  std::vector<Json> rules;
  for (const Json& rule : SpecOf(rendered.gateway.gateway_allowance).at("egress")) {
    if (rule.at("to").at(0).contains("ipBlock")) rules.push_back(rule);
  }
  return rules;
}

bool Admits(const Json& rule, std::string_view address) {
  const auto wanted = IpRange::Parse(address);
  EXPECT_TRUE(wanted) << address;
  for (const Json& peer : rule.at("to")) {
    const Json& block = peer.at("ipBlock");
    if (!IpRange::Parse(block.at("cidr").get<std::string>())->Holds(*wanted)) continue;
    bool excepted = false;
    for (const Json& except : block.value("except", Json::array())) {
      excepted |= IpRange::Parse(except.get<std::string>())->Holds(*wanted);
    }
    if (!excepted) return true;
  }
  return false;
}

// Every range that Envoy's configuration refuses after resolution, whatever depth it stands at.
void CollectRanges(const Json& value, std::set<std::string>& ranges) {
  if (value.is_object() && value.contains("address_prefix")) {
    ranges.insert(value.at("address_prefix").get<std::string>() + "/" +
                  value.at("prefix_len").dump());
    return;
  }
  if (!value.is_structured()) return;
  for (const Json& part : value) CollectRanges(part, ranges);
}

TEST(GatewayNetworkTest, PolicyExceptsEveryRangeThatTheProxyRefuses) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  std::set<std::string> refused;
  for (const auto& [name, file] : envoy::RenderGateway(
           rendered.profile,
           {.namespace_name = "render", .cluster_ranges = TestSettings().cluster_ranges})) {
    CollectRanges(file, refused);
  }
  EXPECT_EQ(refused.size(), kSpecialRanges.size() + kMetadataRanges.size() + kPrivateRanges.size() +
                                TestSettings().cluster_ranges.size());
  const auto rules = RulesByAddress(rendered);
  ASSERT_EQ(rules.size(), 1U);
  for (const std::string& range : refused) {
    if (range == kMappedRange) continue;  // no part of what is opened
    EXPECT_FALSE(Admits(rules[0], range)) << range;
  }
  EXPECT_TRUE(Admits(rules[0], "1.1.1.1/32"));
  EXPECT_TRUE(Admits(rules[0], "2606:4700::1111/128"));
}

// The API server refuses an exception that is not within its range, or is all of it.
TEST(GatewayNetworkTest, ExceptionsAreNarrowerThanTheirRangeAndSaidOnce) {
  const EgressCase rendered = RenderedWithEgress(
      "{allow: [{host: a.example.com, privateRanges: [10.0.0.0/8, 100.64.0.0/10, 'fd00::/8']}]}");
  int blocks = 0;
  for (const Json& rule : RulesByAddress(rendered)) {
    for (const Json& peer : rule.at("to")) {
      ++blocks;
      const auto whole = IpRange::Parse(peer.at("ipBlock").at("cidr").get<std::string>());
      const Json excepts = peer.at("ipBlock").value("except", Json::array());
      for (std::size_t i = 0; i < excepts.size(); ++i) {
        const auto except = IpRange::Parse(excepts[i].get<std::string>());
        EXPECT_TRUE(whole->Holds(*except) && !except->Holds(*whole)) << excepts[i];
        for (std::size_t j = 0; j < excepts.size(); ++j) {
          EXPECT_FALSE(j != i && IpRange::Parse(excepts[j].get<std::string>())->Holds(*except))
              << excepts[j] << " holds " << excepts[i];
        }
      }
    }
  }
  EXPECT_EQ(blocks, 5);  // IPv4, IPv6, and the three
}

TEST(GatewayNetworkTest, PrivateRangesOpenTheirPortAloneAndNoMetadata) {
  const EgressCase rendered = RenderedWithEgress(
      R"({allow: [{host: git.corp.example.com, ports: [8443], privateRanges: [10.20.0.0/16]},
                  {host: b.example.com, privateRanges: [100.64.0.0/10, 100.100.100.200/32]},
                  {host: c.example.com}]})");
  const auto rules = RulesByAddress(rendered);
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_FALSE(Admits(rules[0], "10.20.0.7/32"));
  EXPECT_EQ(rules[0].at("ports"),
            FromYaml("[{port: 443, protocol: TCP}, {port: 8443, protocol: TCP}]"));
  EXPECT_TRUE(Admits(rules[1], "100.64.0.7/32"));
  EXPECT_FALSE(Admits(rules[1], "100.100.100.200/32"));
  EXPECT_EQ(rules[1].at("ports"), FromYaml("[{port: 443, protocol: TCP}]"));
  EXPECT_TRUE(Admits(rules[2], "10.20.0.7/32"));
  EXPECT_FALSE(Admits(rules[2], "10.21.0.7/32"));
  EXPECT_EQ(rules[2].at("ports"), FromYaml("[{port: 8443, protocol: TCP}]"));
}

// In NetworkPolicy a rule without peers or without ports is one for everybody and everything.
TEST(GatewayNetworkTest, NoRuleIsWithoutPeersOrPorts) {
  for (const char* egress :
       {"{}", "{audit: true}", "{allow: [{host: a.example.com}]}",
        "{allow: [{host: a.example.com, privateRanges: [100.100.100.200/32]}]}",
        "{deny: [{host: a.example.com}]}"}) {
    SCOPED_TRACE(egress);
    const EgressCase rendered = RenderedWithEgress(egress);
    for (const Json* policy :
         {&rendered.gateway.gateway_allowance, &rendered.gateway.sandbox_allowance}) {
      for (const char* direction : {"ingress", "egress"}) {
        for (const Json& rule : SpecOf(*policy).value(direction, Json::array())) {
          EXPECT_FALSE(rule.at(direction == std::string("egress") ? "to" : "from").empty());
          EXPECT_FALSE(rule.at("ports").empty());
        }
      }
    }
  }
}

TEST(GatewayNetworkTest, ProfileWithoutHostsReachesNothingNotEvenDns) {
  EXPECT_FALSE(SpecOf(RenderedWithEgress("{}").gateway.gateway_allowance).contains("egress"));
}

TEST(GatewayNetworkTest, ClustersDnsAndNameServersAreReached) {
  EgressSettings settings = TestSettings();
  settings.resolvers = {"169.254.20.10", "fd00::53"};
  const EgressCase rendered = RenderedWithEgress(
      SandboxWithSpec(
          "{podTemplate: {spec: {containers: []}}, egress: {allow: [{host: a.example.com}]}}"),
      settings);
  const Json& dns = SpecOf(rendered.gateway.gateway_allowance).at("egress").at(0);
  EXPECT_EQ(dns, FromYaml(R"(
to:
  - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
    podSelector: {matchLabels: {k8s-app: kube-dns}}
  - ipBlock: {cidr: 169.254.20.10/32}
  - ipBlock: {cidr: "fd00::53/128"}
ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}])"));
}

TEST(GatewayNetworkTest, SandboxReachesItsGatewayAndNothingElse) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  EXPECT_EQ(SpecOf(rendered.gateway.sandbox_allowance), FromYaml(R"(
podSelector: {matchLabels: {stockade.dev/egress: asg-box}}
policyTypes: [Egress]
egress:
  - to: [{podSelector: {matchLabels: {stockade.dev/gateway: asg-box}}}]
    ports: [{port: 15443, protocol: TCP}])"));
  EXPECT_EQ(rendered.pod.at("metadata").at("labels").at("stockade.dev/egress"), "asg-box");
}

TEST(GatewayNetworkTest, GatewayIsReachedByPodsOfItsSandboxesAlone) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  EXPECT_EQ(SpecOf(rendered.gateway.gateway_allowance).at("podSelector"),
            FromYaml("{matchLabels: {stockade.dev/gateway: asg-box}}"));
  EXPECT_EQ(SpecOf(rendered.gateway.gateway_allowance).at("ingress"), FromYaml(R"(
- from:
    - podSelector:
        matchLabels: {stockade.dev/egress: asg-box}
        matchExpressions: [{key: stockade.dev/sandbox, operator: Exists}]
  ports: [{port: 15443, protocol: TCP}])"));
}

// No pod is selected by the deny-all of the other kind, of whose pods' end it would wait for.
TEST(GatewayNetworkTest, DenyAllSelectsEveryGatewayAndNoSandbox) {
  const Json policy = RenderGatewayDenyAllPolicy("render");
  EXPECT_EQ(policy.at("metadata"), FromYaml(R"(
name: stockade-gateway-deny-all
namespace: render
labels: {app.kubernetes.io/managed-by: stockade}
finalizers: [stockade.dev/pods-gone])"));
  EXPECT_EQ(SpecOf(policy), FromYaml(R"(
podSelector: {matchExpressions: [{key: stockade.dev/gateway, operator: Exists}]}
policyTypes: [Ingress, Egress])"));
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  const Json& labels =
      rendered.gateway.deployment.at("spec").at("template").at("metadata").at("labels");
  EXPECT_EQ(labels.at("stockade.dev/gateway"), "asg-box");
  EXPECT_FALSE(labels.contains("stockade.dev/sandbox"));
  EXPECT_FALSE(rendered.pod.at("metadata").at("labels").contains("stockade.dev/gateway"));
}

}  // namespace
}  // namespace stockade::render
