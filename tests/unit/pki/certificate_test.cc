#include "pki/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pki_testing.h"

namespace stockade::pki {
namespace {

using ::testing::HasSubstr;

TEST(CertificateTest, IsTheSameAfterPem) {
  const Authority authority = MakeAuthority({.name = "first", .lifetime = kDay});
  const auto again = Certificate::FromPem(authority.certificate().ToPem());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(*again, authority.certificate());
  EXPECT_EQ(again->CommonName(), "first");
  EXPECT_TRUE(again->IsAuthority());
  EXPECT_TRUE(again->Matches(authority.key()));
  EXPECT_FALSE(again->Matches(PrivateKey::Generate().value()));
  EXPECT_EQ(again->not_before(), Start() - kBackdating);
  EXPECT_EQ(again->not_after(), Start() + kDay);
  EXPECT_EQ(again->Fingerprint().size(), 64U);
}

TEST(CertificateTest, TimesAfter2050AreRead) {
  const Authority authority = MakeAuthority({.name = "long", .lifetime = 50 * 366 * kDay});
  EXPECT_EQ(Certificate::FromPem(authority.certificate().ToPem()).value().not_after(),
            Start() + 50 * 366 * kDay);
}

TEST(BundleTest, KeepsTheOrderAndEachOnce) {
  const Certificate a = MakeAuthority({.name = "a"}).certificate();
  const Certificate b = MakeAuthority({.name = "b"}).certificate();
  const std::vector<Certificate> both = {b, a};
  const auto parsed =
      ParseBundle("# of b\n" + EncodeBundle(both) + "\n# and b again\n" + b.ToPem() + "trailing");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(*parsed, both);
}

TEST(BundleTest, SaysWhatIsWrong) {
  const Authority authority = MakeAuthority();
  const std::string good = authority.certificate().ToPem();
  std::string damaged = good;
  damaged.replace(100, 8, "AAAAAAAA");
  const struct {
    const char* name;
    std::string text;
    const char* message;
  } kCases[] = {
      {"nothing", "", "there is no certificate"},
      {"text", "hello\n", "there is no certificate"},
      {"a key", good + std::string(authority.key().ToPem().value().view()),
       "a PEM block \"PRIVATE KEY\" where only \"CERTIFICATE\" belongs"},
      {"another kind", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
       "\"X509 CRL\" where only"},
      {"no certificate inside", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
       "holds no certificate"},
      {"cut off", good.substr(0, good.size() - 20), "a PEM block is broken"},
      {"not base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
       "a PEM block is broken"},
      {"other end", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END KEY-----\n",
       "a PEM block is broken"},
      {"huge", std::string((1 << 20) + 1, ' '), "larger than 1 MiB"},
  };
  for (const auto& test : kCases) {
    const auto parsed = ParseBundle(test.text);
    ASSERT_FALSE(parsed.ok()) << test.name;
    EXPECT_EQ(parsed.status().code(), StatusCode::kBadRequest) << test.name;
    EXPECT_THAT(parsed.status().message(), HasSubstr(test.message)) << test.name;
  }
}

TEST(BundleTest, IsBounded) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxBundleCertificates; ++i) {
    text += MakeAuthority().certificate().ToPem();
  }
  EXPECT_THAT(ParseBundle(text).status().message(), HasSubstr("more than 256 certificates"));
}

TEST(BundleTest, OneCertificateIsNotTwo) {
  const std::string two =
      MakeAuthority().certificate().ToPem() + MakeAuthority().certificate().ToPem();
  EXPECT_EQ(Certificate::FromPem(two).status().message(),
            "there are 2 certificates where one belongs");
}

}  // namespace
}  // namespace stockade::pki
