#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "certificates.h"
#include "http_server/tls.h"

namespace stockade::http_server::internal {
namespace {

class CertificateSourceTest : public ::testing::Test {
 protected:
  CertificateSourceTest() { directory_.WriteIdentity(first_); }

  Authority ca_{"test authority"};
  Identity first_ = ca_.Issue("first");
  CertificateDirectory directory_;
};

TEST_F(CertificateSourceTest, NamesTheFileThatCannotBeUsed) {
  const Identity other = ca_.Issue("other");
  const struct {
    const char* name;
    std::function<void(TlsFiles&)> damage;
    const char* message;
  } kCases[] = {
      {"no certificate", [&](TlsFiles&) { directory_.Remove("tls.crt"); },
       "cannot read the certificate file"},
      {"no key", [&](TlsFiles&) { directory_.Remove("tls.key"); }, "cannot read the key file"},
      {"a directory", [&](TlsFiles& files) { files.key_file = directory_.PathOf("."); },
       "not a regular file"},
      {"no client CA",
       [&](TlsFiles& files) { files.client_ca_file = directory_.PathOf("absent.crt"); },
       "cannot read the client CA file"},
      {"empty certificate", [&](TlsFiles&) { directory_.Write("tls.crt", ""); }, "it is empty"},
      {"huge certificate",
       [&](TlsFiles&) { directory_.Write("tls.crt", std::string(2 << 20, 'x')); },
       "larger than 1 MiB"},
      {"certificate is text", [&](TlsFiles&) { directory_.Write("tls.crt", "hello\n"); },
       "holds no usable PEM certificate chain"},
      {"key is text", [&](TlsFiles&) { directory_.Write("tls.key", "hello\n"); },
       "holds no usable, unencrypted PEM private key"},
      {"key of another certificate", [&](TlsFiles&) { directory_.Write("tls.key", other.key); },
       "does not belong to the certificate file"},
      {"client CA is text",
       [&](TlsFiles& files) { files.client_ca_file = directory_.Write("ca.crt", "hello\n"); },
       "holds no usable PEM certificate"},
  };
  for (const auto& test : kCases) {
    directory_.WriteIdentity(first_);
    TlsFiles files = directory_.Files();
    test.damage(files);
    CertificateSource source(files);
    const Status status = source.Load();
    EXPECT_EQ(status.code(), StatusCode::kBadRequest) << test.name;
    EXPECT_NE(status.message().find(test.message), std::string::npos)
        << test.name << ": " << status.message();
    EXPECT_EQ(source.context(), nullptr) << test.name;
  }
}

TEST_F(CertificateSourceTest, PollLeavesTheContextAloneWhenNothingChanged) {
  CertificateSource source(directory_.Files());
  ASSERT_TRUE(source.Load().ok());
  const auto context = source.context();
  directory_.WriteIdentity(first_);
  const auto replaced = source.Poll();
  ASSERT_TRUE(replaced.ok());
  EXPECT_FALSE(*replaced);
  EXPECT_EQ(source.context(), context);
}

TEST_F(CertificateSourceTest, PollReportsEachTroubleOnceAndRecovers) {
  CertificateSource source(directory_.Files());
  ASSERT_TRUE(source.Load().ok());
  const auto first = source.context();

  directory_.Remove("tls.key");
  EXPECT_FALSE(source.Poll().ok());
  EXPECT_TRUE(source.Poll().ok());
  directory_.Write("tls.key", "hello");
  EXPECT_FALSE(source.Poll().ok());
  EXPECT_TRUE(source.Poll().ok());
  EXPECT_EQ(source.context(), first);

  const Identity second = ca_.Issue("second", std::chrono::hours(2));
  const auto not_after = source.not_after();
  directory_.WriteIdentity(second);
  const auto replaced = source.Poll();
  ASSERT_TRUE(replaced.ok());
  EXPECT_TRUE(*replaced);
  EXPECT_NE(source.context(), first);
  EXPECT_GT(source.not_after(), not_after);
}

TEST_F(CertificateSourceTest, ReportsTheSameTroubleAgainAfterItWasGone) {
  CertificateSource source(directory_.Files());
  ASSERT_TRUE(source.Load().ok());
  for (int i = 0; i < 2; ++i) {
    directory_.Remove("tls.key");
    EXPECT_FALSE(source.Poll().ok());
    directory_.WriteIdentity(first_);
    EXPECT_TRUE(source.Poll().ok());
  }
}

TEST_F(CertificateSourceTest, TakesAnIdentityThatIsGiven) {
  CertificateSource source(TlsFiles{});
  ASSERT_TRUE(source.Load().ok());
  EXPECT_EQ(source.context(), nullptr);
  EXPECT_FALSE(source.Poll().value()) << "there is none yet";

  source.SetIdentity(first_.certificate, first_.key);
  EXPECT_TRUE(source.Poll().value());
  const auto first = source.context();
  ASSERT_NE(first, nullptr);
  EXPECT_FALSE(source.Poll().value()) << "it is the same";

  const Identity second = ca_.Issue("second");
  source.SetIdentity(second.certificate, first_.key);
  EXPECT_EQ(source.Poll().status().message(),
            "the given key does not belong to the given certificate");
  EXPECT_EQ(source.context(), first);
  source.SetIdentity("hello", second.key);
  EXPECT_NE(source.Poll().status().message().find("the given certificate holds no usable"),
            std::string::npos);
  source.SetIdentity(second.certificate, second.key);
  EXPECT_TRUE(source.Poll().value());
  EXPECT_NE(source.context(), first);
}

TEST_F(CertificateSourceTest, HasAClientAuthorityBesideAGivenIdentity) {
  TlsFiles files;
  files.client_ca_file = directory_.Write("ca.crt", ca_.certificate());
  CertificateSource source(files);
  ASSERT_TRUE(source.Load().ok());
  source.SetIdentity(first_.certificate, first_.key);
  EXPECT_TRUE(source.Poll().value());
  directory_.Write("ca.crt", "hello\n");
  EXPECT_EQ(source.Poll().status().code(), StatusCode::kBadRequest);
}

TEST_F(CertificateSourceTest, ReturnsToTheOldCertificateAfterABrokenOne) {
  CertificateSource source(directory_.Files());
  ASSERT_TRUE(source.Load().ok());
  directory_.Write("tls.crt", "hello");
  EXPECT_FALSE(source.Poll().ok());
  directory_.WriteIdentity(first_);
  EXPECT_TRUE(source.Poll().ok());
  EXPECT_NE(source.context(), nullptr);
}

}  // namespace
}  // namespace stockade::http_server::internal
