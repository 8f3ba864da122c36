#include "pki/private_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string>

#include "pki/authority.h"
#include "pki_testing.h"

namespace stockade::pki {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string KeyOf(EVP_PKEY* key, bool traditional = false, bool encrypted = false) {
  BIO* const bio = BIO_new(BIO_s_mem());
  if (traditional) {
    EXPECT_EQ(PEM_write_bio_PrivateKey_traditional(bio, key, nullptr, nullptr, 0, nullptr, nullptr),
              1);
  } else {
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio, key, encrypted ? EVP_aes_128_cbc() : nullptr,
                                            encrypted ? "secret" : nullptr, encrypted ? 6 : 0,
                                            nullptr, nullptr),
              1);
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return text;
}

TEST(PrivateKeyTest, IsTheSameAfterPem) {
  const auto key = PrivateKey::Generate();
  ASSERT_TRUE(key.ok());
  const auto pem = key->ToPem();
  ASSERT_TRUE(pem.ok());
  EXPECT_THAT(std::string(pem->view()), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = PrivateKey::FromPem(pem->view());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->ToPem().value().view(), pem->view());
}

TEST(PrivateKeyTest, NoTwoAreTheSame) {
  EXPECT_NE(PrivateKey::Generate().value().ToPem().value().view(),
            PrivateKey::Generate().value().ToPem().value().view());
}

TEST(PrivateKeyTest, SaysWhatIsWrongAndNothingOfTheKey) {
  const std::string good(PrivateKey::Generate().value().ToPem().value().view());
  std::string damaged = good;
  damaged.replace(damaged.find("KEY-----\n") + 9, 8, "AAAAAAAA");
  const struct {
    const char* name;
    std::string text;
    const char* message;
  } kCases[] = {
      {"nothing", "", "there is no PEM block"},
      {"text", "hello", "there is no PEM block"},
      {"two", good + good, "more than one PEM block"},
      {"with a certificate", good + MakeAuthority().certificate().ToPem(),
       "more than one PEM block"},
      {"a certificate", MakeAuthority().certificate().ToPem(),
       "\"CERTIFICATE\" and must be \"PRIVATE KEY\""},
      {"SEC 1", KeyOf(EVP_EC_gen("P-256"), true), "openssl pkcs8 -topk8 -nocrypt"},
      {"encrypted", KeyOf(EVP_EC_gen("P-256"), false, true), "\"ENCRYPTED PRIVATE KEY\""},
      {"another curve", KeyOf(EVP_EC_gen("P-384")), "is of another kind"},
      {"RSA", KeyOf(EVP_RSA_gen(2048)), "is of another kind"},
      {"Ed25519", KeyOf(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), "is of another kind"},
      {"damaged", damaged, "cannot be decoded"},
      {"cut off", good.substr(0, good.size() - 30), "a PEM block is broken"},
      {"huge", std::string((1 << 20) + 1, 'x'), "larger than 1 MiB"},
      {"old encryption",
       "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
       "AAAA\n-----END PRIVATE KEY-----\n",
       "has headers"},
  };
  for (const auto& test : kCases) {
    const auto key = PrivateKey::FromPem(test.text);
    ASSERT_FALSE(key.ok()) << test.name;
    EXPECT_EQ(key.status().code(), StatusCode::kBadRequest) << test.name;
    EXPECT_THAT(key.status().message(), HasSubstr(test.message)) << test.name;
    EXPECT_THAT(key.status().message(), Not(HasSubstr(good.substr(30, 20)))) << test.name;
  }
}

TEST(SecretTextTest, MovesWithoutACopy) {
  SecretText first("secret");
  SecretText second(std::move(first));
  EXPECT_EQ(second.view(), "secret");
  EXPECT_EQ(first.view(), "");  // NOLINT: what a move leaves is stated
  first = std::move(second);
  EXPECT_EQ(first.view(), "secret");
  EXPECT_EQ(second.view(), "");  // NOLINT: as above
  EXPECT_EQ(SecretText().view(), "");
}

TEST(SecretTextTest, WipeLeavesNoByteOfAText) {
  std::string text(100, 'k');
  const char* const bytes = text.data();
  Wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), bytes) << "the text kept its room, which can be looked at";
  EXPECT_EQ(std::string(bytes, 100), std::string(100, '\0'));
}

}  // namespace
}  // namespace stockade::pki
