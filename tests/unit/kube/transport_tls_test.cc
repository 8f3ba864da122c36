// The part of the transports' conformance test that is about identities: who the server proves to
// be and what the client shows of itself.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/unit/kube/transport_fixture.h"

namespace stockade::kube {
namespace {

using stockade::testing::TemporaryDirectory;

using testing::Exchange;
using testing::ServerOptions;
using testing::TestAuthority;
using testing::TestCertificate;
using testing::TestIdentity;

class TransportTlsTest : public TransportTest {
 protected:
  void StartServerWith(const TestCertificate& certificate, const TestAuthority& authority) {
    ServerOptions options;
    options.identity = authority.Issue(certificate);
    options.handler = [](Exchange& exchange) { exchange.Respond(200, "{}"); };
    StartServer(std::move(options));
  }

  // What the transport says when the server must not be trusted; no request may reach it.
  std::string Refusal() {
    const auto response = Make()->Send(Request("GET", "/secret"));
    EXPECT_EQ(Text(response), "Unavailable");
    EXPECT_TRUE(server_->Received().empty()) << "the request went to a server of no proven name";
    return response.status().message();
  }
};

TEST_P(TransportTlsTest, AcceptsAServerByItsAddress) {
  StartServerWith({.alternative_names = "DNS:other.example,IP:127.0.0.1"}, authority_);
  const auto response = Make()->Send(Request("GET", "/"));
  EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  EXPECT_EQ(server_->Received().at(0).server_name, "") << "an address is no server name";
}

TEST_P(TransportTlsTest, AcceptsAServerByItsHostName) {
  StartServerWith({.alternative_names = "DNS:localhost"}, authority_);
  config_.host = "localhost";
  const auto response = Make()->Send(Request("GET", "/"));
  EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  EXPECT_EQ(server_->Received().at(0).server_name, "localhost");
}

TEST_P(TransportTlsTest, AcceptsAServerByTheNameThatIsConfigured) {
  StartServerWith({.alternative_names = "DNS:kubernetes"}, authority_);
  config_.tls_server_name = "kubernetes";
  const auto response = Make()->Send(Request("GET", "/"));
  EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  EXPECT_EQ(server_->Received().at(0).server_name, "kubernetes");
}

TEST_P(TransportTlsTest, AcceptsACertificateThatIsItselfTheAuthority) {
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, authority_);
  ServerOptions options;
  options.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
  options.handler = [](Exchange& exchange) { exchange.Respond(200, "{}"); };
  StartServer(options);
  config_.ca_pem = options.identity.certificate;
  const auto response = Make()->Send(Request("GET", "/"));
  EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
}

TEST_P(TransportTlsTest, RefusesAServerOfAnotherAuthority) {
  const TestAuthority other;
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, other);
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesAServerThatNoneOfTheSystemsAuthoritiesVouchesFor) {
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, authority_);
  config_.ca_pem.clear();
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesAServerOfAnotherName) {
  StartServerWith({.alternative_names = "DNS:other.example,IP:127.0.0.2"}, authority_);
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesAServerThatIsNotTheOneConfigured) {
  StartServerWith({.alternative_names = "IP:127.0.0.1,DNS:localhost"}, authority_);
  config_.tls_server_name = "kubernetes";
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesAServerWithItsNameInTheSubjectAlone) {
  StartServerWith({.common_name = "localhost"}, authority_);
  config_.host = "localhost";
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesAnExpiredCertificate) {
  StartServerWith(
      {.alternative_names = "IP:127.0.0.1", .begins_in_seconds = -7200, .ends_in_seconds = -3600},
      authority_);
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, RefusesACertificateOfTheFuture) {
  StartServerWith({.alternative_names = "IP:127.0.0.1", .begins_in_seconds = 3600}, authority_);
  EXPECT_NE(Refusal(), "");
}

TEST_P(TransportTlsTest, ShowsItsClientCertificate) {
  const TestIdentity client = authority_.Issue({.common_name = "system:admin"});
  ServerOptions options;
  options.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
  options.client_authority = authority_.certificate();
  options.handler = [](Exchange& exchange) {
    exchange.Respond(200, exchange.request().client_name);
  };
  StartServer(options);
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "200 ") << "without a certificate";
  config_.client_certificate_pem = client.certificate;
  config_.client_key_pem = client.key;
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "200 system:admin");
}

TEST_P(TransportTlsTest, SaysThatItsOwnCertificateCannotBeUsed) {
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, authority_);
  config_.client_certificate_pem = "no certificate";
  config_.client_key_pem = "no key";
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "BadRequest");
}

TEST_P(TransportTlsTest, SendsTheTokenAndReadsItsFileAgain) {
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, authority_);
  const TemporaryDirectory directory;
  config_.token_file = directory.Write("token", "one\n");
  const auto clock = std::make_shared<testing::FakeClock>();
  const auto transport = Make({clock});
  EXPECT_EQ(Text(transport->Send(Request("GET", "/1"))), "200 {}");
  directory.Write("token", "two\n");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/2"))), "200 {}");
  clock->Advance(std::chrono::minutes(1));
  EXPECT_EQ(Text(transport->Send(Request("GET", "/3"))), "200 {}");
  const auto received = server_->Received();
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[0].Header("authorization"), "Bearer one");
  EXPECT_EQ(received[1].Header("authorization"), "Bearer one");
  EXPECT_EQ(received[2].Header("authorization"), "Bearer two");
}

TEST_P(TransportTlsTest, IsUnavailableWithoutTheTokenThatItNeeds) {
  StartServerWith({.alternative_names = "IP:127.0.0.1"}, authority_);
  const TemporaryDirectory directory;
  config_.token_file = directory.path() + "/token";
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "Unavailable");
  EXPECT_TRUE(server_->Received().empty());
}

INSTANTIATE_TEST_SUITE_P(All, TransportTlsTest, ::testing::ValuesIn(kTransports), TransportName);

}  // namespace
}  // namespace stockade::kube
