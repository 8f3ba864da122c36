#include "kube/tls_context.h"

#include <gtest/gtest.h>

#include "tests/fakes/test_authority.h"

namespace stockade::kube {
namespace {

using testing::TestAuthority;
using testing::TestIdentity;

class TlsContextTest : public ::testing::Test {
 protected:
  TlsContextTest() {
    config_.host = "api.example";
    config_.ca_pem = authority_.certificate();
    config_.client_certificate_pem = client_.certificate;
    config_.client_key_pem = client_.key;
  }

  // The message of the refusal, or empty when there was none.
  [[nodiscard]] std::string Refusal() const {
    const auto context = TlsContext::Make(config_);
    if (context.ok()) return {};
    EXPECT_EQ(context.status().code(), StatusCode::kBadRequest);
    return context.status().message();
  }

  const TestAuthority authority_;
  const TestIdentity client_ = authority_.Issue({.common_name = "client"});
  ConnectionConfig config_;
};

TEST_F(TlsContextTest, TakesACompleteConfiguration) {
  EXPECT_EQ(Refusal(), "");
  config_.ca_pem.clear();
  EXPECT_EQ(Refusal(), "") << "the system's authorities";
  config_.client_certificate_pem.clear();
  config_.client_key_pem.clear();
  EXPECT_EQ(Refusal(), "");
}

TEST_F(TlsContextTest, TakesBundlesWithTextAround) {
  config_.ca_pem = "# one\n" + config_.ca_pem + "# two\n" + TestAuthority().certificate() + "\n";
  config_.client_certificate_pem += authority_.certificate();
  EXPECT_EQ(Refusal(), "");
}

TEST_F(TlsContextTest, SaysWhichCertificateOrKeyCannotBeUsed) {
  const std::string broken =
      "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
  const TestIdentity other = authority_.Issue({});
  const struct {
    std::string ConnectionConfig::* field;
    std::string value;
    const char* message;
  } cases[] = {
      {&ConnectionConfig::ca_pem, "not PEM", "certificate authority holds no PEM certificate"},
      {&ConnectionConfig::ca_pem, broken, "certificate authority is not valid PEM"},
      {&ConnectionConfig::ca_pem, config_.ca_pem + broken, "certificate authority is not valid"},
      {&ConnectionConfig::client_certificate_pem, "x", "client certificate holds no PEM"},
      {&ConnectionConfig::client_certificate_pem, broken, "client certificate is not valid PEM"},
      {&ConnectionConfig::client_certificate_pem, "", "a client key needs its certificate"},
      {&ConnectionConfig::client_key_pem, "", "a client certificate needs its key"},
      {&ConnectionConfig::client_key_pem, "x", "client key cannot be used"},
      {&ConnectionConfig::client_key_pem, other.key, "do not belong together"},
      {&ConnectionConfig::host, "", "is no name of a server"},
  };
  const ConnectionConfig good = config_;
  for (const auto& c : cases) {
    config_ = good;
    config_.*c.field = c.value;
    EXPECT_NE(Refusal().find(c.message), std::string::npos) << Refusal();
  }
}

// The same private key, encrypted with the password "password".
std::string Encrypted(const std::string& pem) {
  std::string password = "password";
  BIO* const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* const out = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), password.data(),
                                          static_cast<int>(password.size()), nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string encrypted(data, static_cast<std::size_t>(size));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
  return encrypted;
}

TEST_F(TlsContextTest, RefusesAnEncryptedKeyInsteadOfAskingForItsPassword) {
  config_.client_key_pem = Encrypted(client_.key);
  ASSERT_NE(config_.client_key_pem.find("ENCRYPTED"), std::string::npos);
  EXPECT_NE(Refusal().find("client key cannot be used"), std::string::npos) << Refusal();
}

TEST(IsIpAddressTest, TellsAddressesFromNames) {
  for (const char* host : {"127.0.0.1", "::1", "fd00::1", "10.96.0.1"}) {
    EXPECT_TRUE(IsIpAddress(host)) << host;
  }
  for (const char* host : {"", "localhost", "api.example", "127.0.0", "1.2.3.4.5", "[::1]"}) {
    EXPECT_FALSE(IsIpAddress(host)) << host;
  }
}

TEST(TlsServerNameTest, IsTheHostUnlessToldOtherwise) {
  ConnectionConfig config;
  config.host = "10.0.0.1";
  EXPECT_EQ(TlsServerName(config), "10.0.0.1");
  config.tls_server_name = "kubernetes";
  EXPECT_EQ(TlsServerName(config), "kubernetes");
}

}  // namespace
}  // namespace stockade::kube
