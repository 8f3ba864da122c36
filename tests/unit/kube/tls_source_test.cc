#include "kube/tls_source.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

#include "tests/unit/kube/exec_fixture.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using testing::TestAuthority;
using testing::TestIdentity;

class TlsSourceTest : public ::testing::Test {
 protected:
  TlsSourceTest() {
    config_.host = "localhost";
    config_.ca_pem = authority_.certificate();
  }

  // Puts a file in place and lets the configuration name it, as reading a kubeconfig does.
  void UseFiles(const TestIdentity& identity) {
    config_.client_certificate_pem = identity.certificate;
    config_.client_key_pem = identity.key;
    config_.client_certificate_file = directory().Write("client.crt", identity.certificate);
    config_.client_key_file = directory().Write("client.key", identity.key);
    config_.ca_file = directory().Write("ca.crt", config_.ca_pem);
  }
  void Replace(const TestIdentity& identity) const {
    directory().Write("client.crt", identity.certificate);
    directory().Write("client.key", identity.key);
  }
  [[nodiscard]] TestIdentity Issue(const std::string& name) const {
    return authority_.Issue({.common_name = name});
  }

  [[nodiscard]] TlsSource Make() const {
    return {std::make_shared<const ConnectionConfig>(config_), fake_.clock()};
  }

  // The name in the client's certificate, or the status as text.
  static std::string Name(TlsSource& source) {
    const auto context = source.Context(std::chrono::steady_clock::now() + std::chrono::minutes(1));
    if (!context.ok()) return context.status().ToString();
    if (*context == nullptr) return "plain";
    X509* const certificate = SSL_CTX_get0_certificate((*context)->get());
    if (certificate == nullptr) return "";
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }
  // The name after the files were due.
  std::string NameLater(TlsSource& source) const {
    fake_.clock()->Advance(TlsSource::kFileLifetime);
    return Name(source);
  }
  static std::string Failure(TlsSource& source) {
    const auto failure = source.TakeFailure();
    return failure ? failure->message() : "";
  }

  [[nodiscard]] const testing::TemporaryDirectory& directory() const { return fake_.directory(); }

  const TestAuthority authority_;
  FakePlugin fake_;
  ConnectionConfig config_;
};

TEST_F(TlsSourceTest, PlainHttpNeedsNone) {
  config_.tls = false;
  TlsSource source = Make();
  EXPECT_EQ(Name(source), "plain");
}

TEST_F(TlsSourceTest, GivesTheSameContextAsLongAsNothingChanges) {
  UseFiles(Issue("one"));
  TlsSource source = Make();
  const auto context = source.Context();
  ASSERT_TRUE(context.ok()) << context.status().ToString();
  EXPECT_EQ(NameLater(source), "one");
  Replace({config_.client_certificate_pem, config_.client_key_pem});
  EXPECT_EQ(NameLater(source), "one");
  EXPECT_EQ(*source.Context(), *context) << "new files with the old contents are no change";
}

TEST_F(TlsSourceTest, ReadsFilesAgainAfterTheirLifetimeAndNotBefore) {
  UseFiles(Issue("one"));
  TlsSource source = Make();
  Replace(Issue("two"));
  fake_.clock()->Advance(TlsSource::kFileLifetime - milliseconds(1));
  EXPECT_EQ(Name(source), "one");
  fake_.clock()->Advance(milliseconds(1));
  EXPECT_EQ(Name(source), "two");
  EXPECT_EQ(Failure(source), "");
}

TEST_F(TlsSourceTest, ReadsFilesAgainSoonerAfterA401) {
  UseFiles(Issue("one"));
  TlsSource source = Make();
  Replace(Issue("two"));
  source.OnUnauthorized();
  EXPECT_EQ(Name(source), "one");
  fake_.clock()->Advance(TlsSource::kPause);
  EXPECT_EQ(Name(source), "two");
  Replace(Issue("three"));
  fake_.clock()->Advance(TlsSource::kPause);
  EXPECT_EQ(Name(source), "two") << "each 401 counts once";
}

TEST_F(TlsSourceTest, WhatComesAsDataIsNeverRead) {
  UseFiles(Issue("one"));
  config_.client_certificate_file.clear();
  config_.client_key_file.clear();
  TlsSource source = Make();
  Replace(Issue("two"));
  EXPECT_EQ(NameLater(source), "one");
}

TEST_F(TlsSourceTest, TheLastOneGoesOnWhileFilesDoNotBelongTogether) {
  UseFiles(Issue("one"));
  TlsSource source = Make();
  const TestIdentity two = Issue("two");
  directory().Write("client.crt", two.certificate);
  EXPECT_EQ(NameLater(source), "one");
  const std::string failure = Failure(source);
  EXPECT_NE(failure.find("do not belong together"), std::string::npos) << failure;
  EXPECT_NE(failure.find(directory().PathOf("client.key")), std::string::npos) << failure;
  EXPECT_EQ(NameLater(source), "one");
  EXPECT_EQ(Failure(source), "") << "it is told once";
  directory().Write("client.key", two.key);
  EXPECT_EQ(NameLater(source), "two");
  EXPECT_EQ(Failure(source), "");
}

TEST_F(TlsSourceTest, TheLastOneGoesOnWhileFilesAreMissingEmptyOrCutOff) {
  UseFiles(Issue("one"));
  TlsSource source = Make();
  const TestIdentity two = Issue("two");
  for (const char* name : {"client.crt", "client.key", "ca.crt"}) {
    const std::string whole = std::string_view(name) == "client.crt"   ? two.certificate
                              : std::string_view(name) == "client.key" ? two.key
                                                                       : config_.ca_pem;
    Replace(two);
    directory().Remove(name);
    EXPECT_EQ(NameLater(source), "one") << name;
    EXPECT_NE(Failure(source).find(name), std::string::npos);
    directory().Write(name, "");
    EXPECT_EQ(NameLater(source), "one") << name;
    EXPECT_NE(Failure(source).find("is empty"), std::string::npos);
    directory().Write(name, whole.substr(0, whole.size() / 2));
    EXPECT_EQ(NameLater(source), "one") << name;
    EXPECT_NE(Failure(source), "");
    directory().Write(name, whole);
  }
  EXPECT_EQ(NameLater(source), "two");
}

TEST_F(TlsSourceTest, AnUnusableBeginningIsAnErrorUntilTheFilesAreGood) {
  UseFiles(Issue("one"));
  config_.client_key_pem = "no key";
  TlsSource source = Make();
  EXPECT_EQ(source.Context().status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(NameLater(source), "one");
}

TEST_F(TlsSourceTest, TakesOverWhatThePluginRenews) {
  fake_.Prints(FakePlugin::Answer(FakePlugin::Certificate(Issue("one"))));
  config_.exec_plugin = fake_.Make();
  TlsSource source = Make();
  EXPECT_EQ(source.Context().status().code(), StatusCode::kUnavailable) << "it is not waited for";
  EXPECT_EQ(Name(source), "one");
  const auto context = source.Context();
  fake_.Prints(FakePlugin::Answer(FakePlugin::Certificate(Issue("two"))));
  fake_.clock()->Advance(ExecPlugin::kPause);
  config_.exec_plugin->OnUnauthorized();
  EXPECT_TRUE(Until([&] { return Name(source) == "two"; }));
  EXPECT_NE(*source.Context(), *context);
}

TEST_F(TlsSourceTest, APluginsTokenChangesNothing) {
  fake_.PrintsToken("one");
  config_.exec_plugin = fake_.Make();
  TlsSource source = Make();
  EXPECT_EQ(Name(source), "");
  const auto context = source.Context();
  fake_.PrintsToken("two");
  fake_.clock()->Advance(ExecPlugin::kPause);
  config_.exec_plugin->OnUnauthorized();
  EXPECT_TRUE(Until([&] { return (*config_.exec_plugin->Current())->token == "two"; }));
  EXPECT_EQ(*source.Context(), *context);
}

TEST_F(TlsSourceTest, ABrokenAuthorityDoesNotKeepThePluginsCertificateOut) {
  config_.ca_file = directory().Write("ca.crt", "");
  fake_.Prints(FakePlugin::Answer(FakePlugin::Certificate(Issue("one"))));
  config_.exec_plugin = fake_.Make();
  TlsSource source = Make();
  EXPECT_EQ(NameLater(source), "one");
  EXPECT_NE(Failure(source).find("is empty"), std::string::npos);
}

TEST_F(TlsSourceTest, TellsThePluginsFailureToo) {
  fake_.Prints("junk");
  config_.exec_plugin = fake_.Make();
  TlsSource source = Make();
  EXPECT_TRUE(Name(source).starts_with("Unavailable: users[u].user.exec"));
  EXPECT_NE(Failure(source).find("printed no JSON"), std::string::npos);
  EXPECT_EQ(Failure(source), "");
}

}  // namespace
}  // namespace stockade::kube
