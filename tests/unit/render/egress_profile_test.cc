#include "render/egress_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/render/egress_testing.h"

namespace stockade::render {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> NamesOf(const std::vector<RequestRule>& rules) {
  std::vector<std::string> names;
  for (const RequestRule& rule : rules) names.push_back(rule.name);
  return names;
}

std::vector<std::string> EndpointsOf(const EgressProfile& profile) {
  std::vector<std::string> names;
  for (const Endpoint& endpoint : profile.endpoints) names.push_back(endpoint.HostAndPort());
  return names;
}

TEST(EgressProfileTest, AnEndpointIsAHostAndAPort) {
  const EgressProfile profile =
      ProfileOf("allow: [{host: b.example.com, ports: [8443, 443]}, {host: a.example.com}]");
  EXPECT_THAT(EndpointsOf(profile),
              ElementsAre("a.example.com:443", "b.example.com:443", "b.example.com:8443"));
}

TEST(EgressProfileTest, EntriesOfOneHostAddUp) {
  const EgressProfile profile = ProfileOf(R"(
allow:
  - {host: a.example.com, methods: [GET]}
  - {host: "*.example.com", paths: [/x], clientCredentials: Pass, webSocket: true}
  - {host: a.example.com, methods: [POST], paths: [/v1]}
  - {host: b.a.example.com})");
  ASSERT_THAT(EndpointsOf(profile),
              ElementsAre("*.example.com:443", "a.example.com:443", "b.a.example.com:443"));
  EXPECT_THAT(NamesOf(profile.endpoints[0].allow), ElementsAre("allow[1]"));
  // What is said of all names below a domain widens nothing that is said of one.
  EXPECT_THAT(NamesOf(profile.endpoints[1].allow), ElementsAre("allow[0]", "allow[2]"));
  EXPECT_FALSE(profile.endpoints[1].pass_client_credentials || profile.endpoints[1].web_socket);
  EXPECT_THAT(NamesOf(profile.endpoints[2].allow), ElementsAre("allow[3]"));
}

TEST(EgressProfileTest, AnEntryDeniesWhateverHostsItStandsFor) {
  const EgressProfile profile = ProfileOf(R"(
allow: [{host: a.example.com}, {host: "*.example.org", ports: [443]}, {host: t.example.com, tls: Tunnel}]
deny:
  - {host: "*.example.com", paths: [/admin]}
  - {host: x.example.org}
  - {host: a.example.com, ports: [8443]})");
  ASSERT_EQ(profile.endpoints.size(), 3U);
  EXPECT_THAT(NamesOf(profile.endpoints[0].deny), ElementsAre("deny[1]"));
  EXPECT_EQ(profile.endpoints[0].deny[0].host, "x.example.org");
  EXPECT_THAT(NamesOf(profile.endpoints[1].deny), ElementsAre("deny[0]"));
  EXPECT_EQ(profile.endpoints[1].deny[0].host, "");
  // Within a tunnel no path is seen, so that what is denied in part is denied.
  EXPECT_THAT(profile.endpoints[2].deny[0].paths, IsEmpty());
  EXPECT_THAT(ReachableHosts(profile), ElementsAre("*.example.org:443", "a.example.com:443"));
}

TEST(EgressProfileTest, TheModelIsAnEndpoint) {
  const EgressProfile profile = ProfileOf(
      "model: {anthropic: {credential: key}}\nallow: [{host: api.anthropic.com, methods: "
      "[GET], paths: [/v1/models], credential: key}]",
      "[{name: key, header: {name: X-Api-Key, secretKeyRef: {name: s, key: k}}}]");
  ASSERT_THAT(EndpointsOf(profile), ElementsAre("api.anthropic.com:443"));
  const Endpoint& endpoint = profile.endpoints[0];
  EXPECT_THAT(NamesOf(endpoint.allow), ElementsAre("allow[0]", "model"));
  ASSERT_TRUE(endpoint.injection);
  EXPECT_EQ(endpoint.injection->header, "x-api-key");
  EXPECT_EQ(endpoint.injection->file, "k");
}

TEST(EgressProfileTest, TheHashIsOfWhatTheGatewayDoes) {
  constexpr const char* kCredentials =
      "[{name: a, basicAuth: {username: u, secretKeyRef: {name: s, key: k}}},"
      " {name: b, basicAuth: {username: u, secretKeyRef: {name: s, key: k}}}]";
  constexpr const char* kReversed =
      "[{name: b, basicAuth: {username: u, secretKeyRef: {name: s, key: k}}},"
      " {name: a, basicAuth: {username: u, secretKeyRef: {name: s, key: k}}}]";
  const std::string hash = ProfileOf("allow: [{host: a.example.com}]", kCredentials).hash;
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(ProfileOf("allow: [{host: a.example.com}]", kReversed).hash, hash);
  EXPECT_EQ(ProfileOf("{allow: [{host: a.example.com}], gateway: Shared}", kCredentials).hash,
            hash);
  EXPECT_NE(ProfileOf("allow: [{host: b.example.com}]", kCredentials).hash, hash);
  EXPECT_NE(ProfileOf("allow: [{host: a.example.com}]").hash, hash);
  EXPECT_NE(ProfileOf("{allow: [{host: a.example.com}], audit: true}", kCredentials).hash, hash);
  api::Egress egress;
  egress.allow = {{.host = "a.example.com"}};
  EXPECT_EQ(EgressProfileHash(egress, {}), ProfileOf("allow: [{host: a.example.com}]").hash);
}

}  // namespace
}  // namespace stockade::render
