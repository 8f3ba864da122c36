#include "pki/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "pki_testing.h"
#include "tests/fakes/temporary_directory.h"

namespace stockade::pki {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

// A leaf, who is trusted, and what should come of it. Judged by Verify and by `openssl verify`.
class VerifyTest : public ::testing::Test {
 protected:
  static Identity Server(const Authority& authority, const std::string& name,
                         TimePoint now = Start()) {
    const std::vector<std::string> names = {name};
    return authority.IssueServer(names, hours(24), now).value();
  }

  Status Judge(const Certificate& leaf, const std::vector<Certificate>& authorities,
               const std::string& dns_name, Purpose purpose = Purpose::kServer,
               TimePoint now = Start()) {
    Status status = Verify(
        leaf, {.authorities = authorities, .purpose = purpose, .now = now, .dns_name = dns_name});
    EXPECT_EQ(OpensslAccepts(leaf, authorities, dns_name, purpose, now), status.ok())
        << status.ToString();
    return status;
  }

  // What the command says of the same question.
  bool OpensslAccepts(const Certificate& leaf, const std::vector<Certificate>& authorities,
                      const std::string& dns_name, Purpose purpose, TimePoint now) {
    std::string command = "openssl verify -x509_strict -no-CApath -no-CAstore -attime " +
                          std::to_string(std::chrono::system_clock::to_time_t(now)) + " -purpose " +
                          (purpose == Purpose::kServer ? "sslserver" : "sslclient") + " -CAfile " +
                          directory_.Write("ca.pem", EncodeBundle(authorities));
    if (!dns_name.empty()) command += " -verify_hostname " + dns_name;
    command += " " + directory_.Write("leaf.pem", leaf.ToPem()) + " >" + directory_.PathOf("out") +
               " 2>&1";
    const int code = std::system(command.c_str());
    EXPECT_TRUE(code == 0 || WEXITSTATUS(code) == 2) << "openssl could not be asked: " << code;
    return code == 0;
  }

  testing::TemporaryDirectory directory_;
  const Authority authority_ = MakeAuthority();
};

TEST_F(VerifyTest, TakesALeafOfATrustedAuthorityForItsName) {
  const Identity leaf = Server(authority_, "api.example.com");
  EXPECT_TRUE(Judge(leaf.certificate, {authority_.certificate()}, "api.example.com").ok());
  EXPECT_TRUE(Judge(leaf.certificate, {authority_.certificate()}, "").ok());
  EXPECT_THAT(Judge(leaf.certificate, {authority_.certificate()}, "other.example.com").message(),
              HasSubstr("hostname mismatch"));
}

TEST_F(VerifyTest, WildcardsStandForOneLabel) {
  const Identity leaf = Server(authority_, "*.example.com");
  const std::vector<Certificate> trusted = {authority_.certificate()};
  EXPECT_TRUE(Judge(leaf.certificate, trusted, "a.example.com").ok());
  EXPECT_FALSE(Judge(leaf.certificate, trusted, "a.b.example.com").ok());
  EXPECT_FALSE(Judge(leaf.certificate, trusted, "example.com").ok());
  EXPECT_FALSE(Judge(leaf.certificate, trusted, "evil-example.com").ok());
}

TEST_F(VerifyTest, RefusesLeavesOfOthers) {
  // Of the same name, so that only the key tells them apart.
  const Authority other = MakeAuthority();
  const Identity leaf = Server(other, "a.example");
  EXPECT_FALSE(Judge(leaf.certificate, {authority_.certificate()}, "a.example").ok());
  EXPECT_TRUE(
      Judge(leaf.certificate, {authority_.certificate(), other.certificate()}, "a.example").ok());
}

TEST_F(VerifyTest, RefusesWhatIsNotValidAtThatTime) {
  const Identity leaf = Server(authority_, "a.example");
  const std::vector<Certificate> trusted = {authority_.certificate()};
  const auto at = [&](TimePoint now) {
    return Judge(leaf.certificate, trusted, "a.example", Purpose::kServer, now);
  };
  EXPECT_TRUE(at(Start() - kBackdating).ok());
  EXPECT_THAT(at(Start() - kBackdating - std::chrono::seconds(1)).message(),
              HasSubstr("not yet valid"));
  EXPECT_TRUE(at(Start() + hours(24) - std::chrono::seconds(1)).ok());
  EXPECT_THAT(at(Start() + hours(24) + std::chrono::seconds(1)).message(), HasSubstr("expired"));
}

TEST_F(VerifyTest, ServersAreNoClientsAndTheOtherWayRound) {
  const Identity server = Server(authority_, "a.example");
  const auto client = authority_.IssueClient(AnIdentity(), hours(1), Start());
  ASSERT_TRUE(client.ok());
  const std::vector<Certificate> trusted = {authority_.certificate()};
  EXPECT_TRUE(Judge(client->certificate, trusted, "", Purpose::kClient).ok());
  EXPECT_FALSE(Judge(client->certificate, trusted, "", Purpose::kServer).ok());
  EXPECT_FALSE(Judge(server.certificate, trusted, "", Purpose::kClient).ok());
}

TEST_F(VerifyTest, AuthorityOfServersIsHeldToItsNames) {
  const Authority narrow =
      MakeAuthority({.name = "narrow", .lifetime = 365 * kDay, .permitted_names = {"a.example"}});
  const std::vector<Certificate> trusted = {narrow.certificate()};
  EXPECT_TRUE(Judge(Server(narrow, "a.example").certificate, trusted, "a.example").ok());
  EXPECT_TRUE(Judge(Server(narrow, "b.a.example").certificate, trusted, "").ok());
  for (const char* name : {"b.example", "aa.example", "192.0.2.1", "2001:db8::1"}) {
    EXPECT_THAT(Judge(Server(narrow, name).certificate, trusted, "").message(),
                HasSubstr("subtree violation"))
        << name;
  }
}

TEST_F(VerifyTest, AuthorityOfAnAddressIsHeldToIt) {
  const Authority narrow =
      MakeAuthority({.name = "narrow", .lifetime = 365 * kDay, .permitted_names = {"127.0.0.1"}});
  const std::vector<Certificate> trusted = {narrow.certificate()};
  EXPECT_TRUE(Judge(Server(narrow, "127.0.0.1").certificate, trusted, "").ok());
  EXPECT_FALSE(Judge(Server(narrow, "127.0.0.2").certificate, trusted, "").ok());
  EXPECT_FALSE(Judge(Server(narrow, "2001:db8::1").certificate, trusted, "").ok());
  EXPECT_FALSE(Judge(Server(narrow, "a.example").certificate, trusted, "").ok());
}

TEST_F(VerifyTest, AuthorityOfSandboxesIsHeldToItsTrustDomain) {
  const Authority narrow = MakeAuthority({.name = "narrow",
                                          .lifetime = 365 * kDay,
                                          .permitted_names = {},
                                          .permitted_trust_domain = "stockade.example"});
  const std::vector<Certificate> trusted = {narrow.certificate()};
  const auto good = narrow.IssueClient(AnIdentity(), hours(1), Start());
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(Judge(good->certificate, trusted, "", Purpose::kClient).ok());
  SandboxIdentity stranger = AnIdentity();
  stranger.trust_domain = "other.example";
  const auto bad = narrow.IssueClient(stranger, hours(1), Start());
  ASSERT_TRUE(bad.ok());
  EXPECT_FALSE(Judge(bad->certificate, trusted, "", Purpose::kClient).ok());
  EXPECT_FALSE(Judge(Server(narrow, "a.example").certificate, trusted, "a.example").ok());
}

// A certificate that the key of a leaf has signed: what a thief of it would try.
Certificate SignedByLeaf(const Identity& leaf) {
  const std::shared_ptr<X509> forged(X509_dup(leaf.certificate.native()), X509_free);
  X509_set_issuer_name(forged.get(), X509_get_subject_name(leaf.certificate.native()));
  const int position = X509_get_ext_by_NID(forged.get(), NID_authority_key_identifier, -1);
  X509_EXTENSION_free(X509_delete_ext(forged.get(), position));
  EXPECT_GT(X509_sign(forged.get(), leaf.key.native(), EVP_sha256()), 0);
  return Certificate::Adopt(forged).value();
}

TEST_F(VerifyTest, LeavesSignNothing) {
  const Identity leaf = Server(authority_, "a.example");
  const Certificate forged = SignedByLeaf(leaf);
  EXPECT_FALSE(Judge(forged, {authority_.certificate()}, "a.example").ok());
  EXPECT_FALSE(Judge(forged, {authority_.certificate(), leaf.certificate}, "a.example").ok());
}

TEST_F(VerifyTest, NobodyIsTrustedWhenThereIsNoAuthority) {
  EXPECT_FALSE(Verify(Server(authority_, "a.example").certificate,
                      {.authorities = {}, .purpose = Purpose::kServer, .now = Start()})
                   .ok());
}

}  // namespace
}  // namespace stockade::pki
