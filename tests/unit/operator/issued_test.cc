#include "operator/issued.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/base64.h"

namespace stockade::sandbox_operator {
namespace {

using ::testing::ElementsAre;

const pki::TimePoint kNow = std::chrono::system_clock::from_time_t(1767225600);
constexpr auto kLifetime = std::chrono::hours(24);

Authorities MakeAuthorities() {
  const auto make = [](const char* name, std::vector<std::string> names) {
    auto authority = pki::Authority::Create(
        {.name = name, .lifetime = std::chrono::hours(2400), .permitted_names = std::move(names)},
        kNow);
    return Authorities::Purpose{*authority, authority->certificate().ToPem()};
  };
  return {make("identities", {"gateway.stockade.internal"}), make("interception", {})};
}

class IssuedTest : public ::testing::Test {
 protected:
  IssuedTest() {
    sandbox_.metadata.name = "reviewer";
    sandbox_.metadata.namespace_name = "team-a";
    sandbox_.metadata.uid = "0b9c6e5e-5f0c-4a55-9d3f-3f6f3f3c1d11";
    api::Egress egress;
    egress.allow = {{.host = "api.example.com"},
                    {.host = "*.docs.example.com"},
                    {.host = "pinned.example.com", .tls = api::TlsMode::kTunnel}};
    sandbox_.spec.egress = egress;
    profile_ = render::MakeEgressProfile(egress, {});
  }

  [[nodiscard]] IssueRequest Request() const {
    return {.sandbox = sandbox_,
            .profile = profile_,
            .gateway = gateway_,
            .authorities = authorities_,
            .trust_domain = "stockade.local",
            .lifetime = kLifetime,
            .now = kNow};
  }

  static pki::Certificate CertificateIn(const codec::Json& secret, const std::string& key) {
    const auto pem = DecodeBase64(secret["data"][key].get<std::string>());
    auto certificate = pki::Certificate::FromPem(pem.value());
    EXPECT_TRUE(certificate.ok()) << certificate.status().ToString();
    return *certificate;
  }

  api::AgentSandbox sandbox_;
  render::EgressProfile profile_;
  GatewayService gateway_ = {"asg-reviewer", "service-uid"};
  Authorities authorities_ = MakeAuthorities();
};

TEST_F(IssuedTest, SandboxIdentityNamesTheSandboxAndItsProfile) {
  const auto secret = IssueSandboxIdentity(Request());
  ASSERT_TRUE(secret.ok()) << secret.status().ToString();
  EXPECT_EQ((*secret)["type"], "kubernetes.io/tls");
  const auto certificate = CertificateIn(*secret, "tls.crt");
  EXPECT_THAT(certificate.Uris(),
              ElementsAre("spiffe://stockade.local/ns/team-a/profile/" + profile_.hash +
                          "/sandbox/reviewer/" + sandbox_.metadata.uid));
  EXPECT_EQ(certificate.not_after(), kNow + kLifetime);
  EXPECT_EQ(DecodeBase64((*secret)["data"]["ca.crt"].get<std::string>()),
            authorities_.identity.bundle);
  const codec::Json owner = (*secret)["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["kind"], "Service");
  EXPECT_EQ(owner["uid"], "service-uid");
}

TEST_F(IssuedTest, GatewayHasALeafForEachTerminatedHostAlone) {
  const auto secret = IssueLeaves(Request());
  ASSERT_TRUE(secret.ok()) << secret.status().ToString();
  std::vector<std::string> files;
  for (const auto& [file, value] : (*secret)["data"].items()) files.push_back(file);
  EXPECT_THAT(files, ElementsAre("_.docs.example.com.crt", "_.docs.example.com.key",
                                 "api.example.com.crt", "api.example.com.key"));
  EXPECT_THAT(CertificateIn(*secret, "_.docs.example.com.crt").DnsNames(),
              ElementsAre("*.docs.example.com"));
  const auto identity = IssueGatewayIdentity(Request());
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  EXPECT_EQ(CertificateIn(*identity, "tls.crt").DnsNames().size(), 1U);
}

TEST_F(IssuedTest, SecretsHaveNamesOfTheServicesUid) {
  const GatewayService later = {"asg-reviewer", "another"};
  EXPECT_NE(SandboxIdentitySecret(sandbox_, gateway_), SandboxIdentitySecret(sandbox_, later));
  EXPECT_NE(GatewayIdentitySecret(gateway_), GatewayIdentitySecret(later));
  EXPECT_NE(LeavesSecret(gateway_), LeavesSecret(later));
  const std::set<std::string> names = {SandboxIdentitySecret(sandbox_, gateway_),
                                       GatewayIdentitySecret(gateway_), LeavesSecret(gateway_)};
  EXPECT_EQ(names.size(), 3U);
  for (const std::string& name : names) EXPECT_TRUE(name.starts_with("asg-reviewer-")) << name;
}

TEST_F(IssuedTest, IdentityBelongsToTheSandboxWhereTheGatewayIsShared) {
  gateway_ = {"asg--0123", "service-uid", /*shared=*/true};
  const auto identity = IssueSandboxIdentity(Request());
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  const codec::Json metadata = (*identity)["metadata"];
  EXPECT_TRUE(metadata["name"].get<std::string>().starts_with("asg-reviewer-sandbox-"));
  EXPECT_EQ(metadata["labels"]["stockade.dev/gateway"], "asg--0123");
  EXPECT_EQ(metadata["ownerReferences"][0]["kind"], "AgentSandbox");
  EXPECT_EQ(metadata["ownerReferences"][0]["uid"], sandbox_.metadata.uid);
  EXPECT_FALSE(metadata["ownerReferences"][0].contains("controller"));
  const auto leaves = IssueLeaves(Request());
  ASSERT_TRUE(leaves.ok());
  EXPECT_EQ((*leaves)["metadata"]["ownerReferences"][0]["uid"], "service-uid");

  api::AgentSandbox other = sandbox_;
  other.metadata.name = "another";
  other.metadata.uid = "another-uid";
  EXPECT_NE(SandboxIdentitySecret(other, gateway_), SandboxIdentitySecret(sandbox_, gateway_));
  EXPECT_NE(SandboxIdentityDigest(other, profile_, gateway_, authorities_, "stockade.local"),
            SandboxIdentityDigest(sandbox_, profile_, gateway_, authorities_, "stockade.local"));
  // Made anew, the Service gives the sandboxes no new identities, only the gateway.
  const GatewayService recreated = {"asg--0123", "service-uid-2", true};
  EXPECT_EQ(SandboxIdentitySecret(sandbox_, gateway_), SandboxIdentitySecret(sandbox_, recreated));
  EXPECT_EQ(SandboxIdentityDigest(sandbox_, profile_, gateway_, authorities_, "stockade.local"),
            SandboxIdentityDigest(sandbox_, profile_, recreated, authorities_, "stockade.local"));
}

TEST_F(IssuedTest, NothingOfTheKeysIsLeftAfterItIsWiped) {
  auto secret = IssueSandboxIdentity(Request());
  ASSERT_TRUE(secret.ok());
  WipeSecret(*secret);
  for (const auto& [key, value] : (*secret)["data"].items()) EXPECT_EQ(value, "") << key;
}

TEST_F(IssuedTest, NoteHoldsUntilItsTimeAndForItsDigestAlone) {
  const pki::TimePoint renew_at = RenewAt(sandbox_.metadata.uid, kNow, kLifetime);
  EXPECT_GE(renew_at, kNow + kLifetime / 2);
  EXPECT_LE(renew_at, kNow + kLifetime * 6 / 10);
  const std::string note = IssuedNote("digest", renew_at).ToString();
  pki::TimePoint found;
  EXPECT_TRUE(IssuedNote::IsCurrent(note, "digest", kNow, kLifetime, found));
  EXPECT_LT(renew_at - found, std::chrono::seconds(1));
  EXPECT_FALSE(IssuedNote::IsCurrent(note, "other", kNow, kLifetime, found));
  EXPECT_FALSE(IssuedNote::IsCurrent(note, "digest", renew_at, kLifetime, found));
}

TEST_F(IssuedTest, NotesThatTheOperatorNeverWroteDoNotHold) {
  const std::int64_t now = std::chrono::system_clock::to_time_t(kNow);
  for (const std::string& note :
       {std::string(), std::string("digest"), std::string("digest@"), std::string("digest@soon"),
        "digest@" + std::to_string(now + 100) + "x",
        "digest@" + std::to_string(now + 365 * 86400)}) {
    pki::TimePoint found;
    EXPECT_FALSE(IssuedNote::IsCurrent(note, "digest", kNow, kLifetime, found)) << note;
  }
}

TEST_F(IssuedTest, DigestsFollowWhatTheCertificatesDependOn) {
  const std::string identity =
      SandboxIdentityDigest(sandbox_, profile_, gateway_, authorities_, "stockade.local");
  const std::string gateway = GatewayDigest(profile_, gateway_, authorities_);
  EXPECT_EQ(identity,
            SandboxIdentityDigest(sandbox_, profile_, gateway_, authorities_, "stockade.local"));
  EXPECT_NE(identity,
            SandboxIdentityDigest(sandbox_, profile_, gateway_, authorities_, "other.local"));

  Authorities published = authorities_;
  published.identity.bundle += published.interception.bundle;
  EXPECT_NE(identity,
            SandboxIdentityDigest(sandbox_, profile_, gateway_, published, "stockade.local"));
  EXPECT_NE(gateway, GatewayDigest(profile_, gateway_, published));

  Authorities rotated = authorities_;
  rotated.interception = MakeAuthorities().interception;
  EXPECT_EQ(identity,
            SandboxIdentityDigest(sandbox_, profile_, gateway_, rotated, "stockade.local"));
  EXPECT_NE(gateway, GatewayDigest(profile_, gateway_, rotated));

  const GatewayService recreated = {"asg-reviewer", "service-uid-2"};
  EXPECT_NE(identity,
            SandboxIdentityDigest(sandbox_, profile_, recreated, authorities_, "stockade.local"));
  EXPECT_NE(gateway, GatewayDigest(profile_, recreated, authorities_));
}

}  // namespace
}  // namespace stockade::sandbox_operator
