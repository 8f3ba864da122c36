#include "pki/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <set>
#include <string>
#include <vector>

#include "pki_testing.h"

namespace stockade::pki {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Names(std::initializer_list<const char*> names) {
  return {names.begin(), names.end()};
}

TEST(AuthorityTest, MaySignLeavesAndNoAuthorities) {
  const Authority authority = MakeAuthority();
  X509* const certificate = authority.certificate().native();
  EXPECT_EQ(X509_check_ca(certificate), 1);
  EXPECT_EQ(X509_get_pathlen(certificate), 0);
  EXPECT_EQ(X509_get_key_usage(certificate),
            static_cast<std::uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  for (const int nid : {NID_basic_constraints, NID_key_usage}) {
    const int position = X509_get_ext_by_NID(certificate, nid, -1);
    EXPECT_EQ(X509_EXTENSION_get_critical(X509_get_ext(certificate, position)), 1);
  }
}

TEST(AuthorityTest, ServersHaveTheirNamesAndNothingMore) {
  const auto leaf = MakeAuthority().IssueServer(
      Names({"api.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"}), hours(24), Start());
  ASSERT_TRUE(leaf.ok()) << leaf.status().ToString();
  const Certificate& certificate = leaf->certificate;
  EXPECT_THAT(certificate.DnsNames(), ElementsAre("api.example.com", "*.example.com"));
  EXPECT_THAT(certificate.IpAddresses(), ElementsAre("192.0.2.1", "2001:db8::1"));
  EXPECT_THAT(certificate.Uris(), IsEmpty());
  EXPECT_FALSE(certificate.IsAuthority());
  EXPECT_EQ(certificate.CommonName(), "");
  EXPECT_TRUE(certificate.Matches(leaf->key));
  EXPECT_EQ(certificate.not_before(), Start() - kBackdating);
  EXPECT_EQ(certificate.not_after(), Start() + hours(24));
  EXPECT_EQ(X509_get_key_usage(certificate.native()),
            static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
  EXPECT_EQ(X509_get_extended_key_usage(certificate.native()),
            static_cast<std::uint32_t>(XKU_SSL_SERVER));
}

TEST(AuthorityTest, ClientsHaveTheirIdentityAndNothingMore) {
  const auto leaf = MakeAuthority().IssueClient(AnIdentity(), hours(1), Start());
  ASSERT_TRUE(leaf.ok()) << leaf.status().ToString();
  EXPECT_THAT(leaf->certificate.Uris(), ElementsAre(SpiffeId(AnIdentity()).value()));
  EXPECT_THAT(leaf->certificate.DnsNames(), IsEmpty());
  EXPECT_EQ(X509_get_extended_key_usage(leaf->certificate.native()),
            static_cast<std::uint32_t>(XKU_SSL_CLIENT));
}

TEST(AuthorityTest, LeavesEndWithTheirAuthority) {
  const Authority authority = MakeAuthority({.name = "short", .lifetime = hours(2)});
  EXPECT_EQ(authority.IssueServer(Names({"a.example"}), hours(24), Start())
                .value()
                .certificate.not_after(),
            Start() + hours(2));
  const auto late = authority.IssueServer(Names({"a.example"}), hours(24), Start() + hours(2));
  EXPECT_THAT(late.status().message(), HasSubstr("\"short\" has expired"));
}

TEST(AuthorityTest, SerialNumbersAreLongAndRandom) {
  const Authority authority = MakeAuthority();
  std::set<std::string> seen;
  std::size_t bytes = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string serial = authority.IssueServer(Names({"a.example"}), hours(1), Start())
                                   .value()
                                   .certificate.SerialNumber();
    seen.insert(serial);
    bytes += serial.size() / 2;
    EXPECT_LE(serial.size(), 32U);
    EXPECT_NE(serial[0], '-');
  }
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_GT(bytes, 1500U) << "16 bytes each, but for leading zeros";
}

TEST(AuthorityTest, RefusesWhatIsNoServerName) {
  const Authority authority = MakeAuthority();
  for (const char* name : {"", "UPPER.example", "a..example", "*", "*.com", "a.*.example",
                           "*a.example", "-a.example", "a.example,DNS:b.example",
                           "http://a.example", "a.example:443", "fe80::1%eth0", "a_b.example"}) {
    const auto leaf = authority.IssueServer(Names({"good.example", name}), hours(1), Start());
    ASSERT_FALSE(leaf.ok()) << name;
    EXPECT_EQ(leaf.status().code(), StatusCode::kBadRequest) << name;
  }
  EXPECT_FALSE(authority.IssueServer({}, hours(1), Start()).ok());
  EXPECT_FALSE(authority.IssueServer(Names({"a.example"}), hours(0), Start()).ok());
}

TEST(AuthorityTest, RefusesOptionsThatMakeNoSense) {
  const struct {
    AuthorityOptions options;
    const char* message;
  } kCases[] = {
      {{.name = "", .lifetime = hours(1)}, "1 to 64 bytes"},
      {{.name = std::string(65, 'a'), .lifetime = hours(1)}, "1 to 64 bytes"},
      {{.name = "a", .lifetime = hours(0)}, "must be positive"},
      {{.name = "a", .lifetime = hours(1), .permitted_names = {"*.example"}}, "\"*.example\" must"},
      {{.name = "a",
        .lifetime = hours(1),
        .permitted_names = {"a.example"},
        .permitted_trust_domain = "b.example"},
       "not for both"},
      {{.name = "a", .lifetime = hours(1), .permitted_names = {}, .permitted_trust_domain = "A/B"},
       "the trust domain \"A/B\""},
  };
  for (const auto& test : kCases) {
    const auto authority = Authority::Create(test.options, Start());
    ASSERT_FALSE(authority.ok()) << test.message;
    EXPECT_EQ(authority.status().code(), StatusCode::kBadRequest);
    EXPECT_THAT(authority.status().message(), HasSubstr(test.message));
  }
}

TEST(AuthorityTest, ComesBackFromWhatWasKept) {
  const Authority authority = MakeAuthority();
  EXPECT_TRUE(Authority::FromIdentity({authority.certificate(), authority.key()}).ok());
  EXPECT_THAT(Authority::FromIdentity({authority.certificate(), PrivateKey::Generate().value()})
                  .status()
                  .message(),
              HasSubstr("does not belong"));
  auto leaf = authority.IssueServer(Names({"a.example"}), hours(1), Start());
  ASSERT_TRUE(leaf.ok());
  EXPECT_THAT(Authority::FromIdentity(std::move(leaf).value()).status().message(),
              HasSubstr("is no authority's"));
}

}  // namespace
}  // namespace stockade::pki
