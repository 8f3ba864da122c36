#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/egress_size.h"
#include "tests/unit/render/gateway_testing.h"

// What the rules reckon a gateway's configuration to take is not less than it takes, nor much more.
namespace stockade::render {
namespace {

struct SizeCase {
  const char* name;
  std::string egress;
  std::string credentials = "[]";
};

std::string Hosts(int count, const std::string& fields = "", const std::string& name = "h") {
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += "{host: " + name + std::to_string(i) + ".example.com" + fields + "},";
  }
  return list;
}

std::string Texts(int count, const std::string& text) {
  std::string list;
  for (int i = 0; i < count; ++i) list += "'" + text + std::to_string(i) + "',";
  return "[" + list + "]";
}

std::int64_t RenderedBytes(const EgressCase& rendered) {
  std::int64_t most = 0;
  for (const codec::Json& object : ObjectsOf(rendered)) {
    if (object["kind"] != "ConfigMap") continue;
    std::int64_t bytes = 0;
    for (const auto& [file, contents] : object["data"].items()) {
      bytes += static_cast<std::int64_t>(contents.get_ref<const std::string&>().size());
    }
    most = std::max(most, bytes);
  }
  return most;
}

EgressCase RenderedInClusterOfFourRanges(const SizeCase& test) {
  EgressSettings settings = TestSettings();
  settings.cluster_ranges = {"10.96.0.0/12", "10.244.0.0/16", "192.168.0.0/24", "fd00:10:244::/56"};
  return RenderedWithEgress(RenderedWithEgress(test.egress, test.credentials).sandbox, settings);
}

TEST(GatewaySizeTest, IsNeverMoreThanTheRulesReckon) {
  const std::string methods = ", methods: " + Texts(16, "LONG-METHOD-");
  const std::string paths = ", paths: " + Texts(32, "/a/path.with-(many)[signs]$/");
  const std::string key =
      "[{name: key, header: {name: Authorization, prefix: 'Bearer ', secretKeyRef: {name: s, key: "
      "k}}}]";
  std::string wildcards;
  for (int i = 0; i < 32; ++i) {
    wildcards += "{host: '*.owner" + std::to_string(i) + ".example'},";
  }
  std::string same_host;
  for (int i = 0; i < 30; ++i) {
    same_host += "{host: a.example.com, paths: " + Texts(32, "/" + std::to_string(i) + "/x") + "},";
  }
  const std::vector<SizeCase> cases = {
      {"one host", "{allow: [" + Hosts(1) + "]}"},
      {"many hosts", "{allow: [" + Hosts(35) + "]}"},
      {"many hosts, audited", "{audit: true, allow: [" + Hosts(35) + "]}"},
      {"long names and credentials",
       "{allow: [" +
           Hosts(30, ", credential: key", std::string(60, 'n') + "." + std::string(60, 'm')) + "]}",
       key},
      {"wildcards of many owners", "{allow: [" + wildcards + "]}"},
      {"credentials", "{allow: [" + Hosts(30, ", credential: key") + "]}", key},
      {"tunnels", "{allow: [" + Hosts(35, ", tls: Tunnel") + "]}"},
      {"ports", "{allow: [" + Hosts(4, ", ports: [443, 444, 445, 446, 447, 448, 449, 450]") + "]}"},
      {"paths and methods", "{allow: [" + Hosts(10, methods + paths) + "]}"},
      {"what is passed on",
       "{allow: [" + Hosts(20, ", clientCredentials: Pass, webSocket: true") + "]}"},
      {"entries of one host", "{allow: [" + same_host + "]}"},
      {"denied paths", "{allow: [" + Hosts(20) + "], deny: [" + Hosts(20, methods + paths) + "]}"},
      {"denied by wildcards",
       "{allow: [" + Hosts(20) + "], deny: [{host: '*.example.com'" + paths + "}]}"},
      {"a wildcard beside its hosts",
       "{allow: [{host: '*.example.com'" + paths + "}," + Hosts(20) + "]}"},
      {"private ranges",
       "{allow: [" + Hosts(20, ", privateRanges: [10.1.0.0/16, 10.2.0.0/16]") + "]}"},
      {"a model", "{model: {anthropic: {credential: key}}, allow: []}", key},
      {"Bedrock",
       "{model: {bedrock: {region: eu-central-1, roleARN: 'arn:aws:iam::111122223333:role/a', "
       "models: " +
           Texts(32, "anthropic.claude-sonnet-4-5-20250929-v") + "}}, allow: []}"},
      {"Vertex", "{model: {vertex: {project: p, region: europe-west1}}, allow: []}"},
  };
  for (const SizeCase& test : cases) {
    SCOPED_TRACE(test.name);
    const EgressCase rendered = RenderedInClusterOfFourRanges(test);
    const std::int64_t reckoned = policy::EstimateGatewayBytes(*rendered.sandbox.spec.egress);
    EXPECT_LE(RenderedBytes(rendered), reckoned);
    if (reckoned <= policy::kMaxGatewayBytes) {
      EXPECT_LT(RenderedBytes(rendered), (1 << 20) - 16'384) << "and the metadata";
    }
  }
}

TEST(GatewaySizeTest, LittleIsGivenAway) {
  std::string wildcards;
  for (int i = 0; i < 32; ++i) wildcards += "{host: '*.owner" + std::to_string(i) + ".example'},";
  for (const std::string& hosts : {Hosts(35), wildcards}) {
    const EgressCase rendered = RenderedWithEgress("{allow: [" + hosts + "]}");
    const std::int64_t reckoned = policy::EstimateGatewayBytes(*rendered.sandbox.spec.egress);
    EXPECT_LE(reckoned, policy::kMaxGatewayBytes);
    EXPECT_GT(RenderedBytes(rendered) * 10, reckoned * 9);
  }
}

}  // namespace
}  // namespace stockade::render
